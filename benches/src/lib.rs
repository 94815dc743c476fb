//! How fast it is: fan-out, matching, codecs.
