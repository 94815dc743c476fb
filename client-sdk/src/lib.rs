//! Connect to a broker, publish, and be called back.
