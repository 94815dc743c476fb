//! Links over Unix sockets: the example of a transport written by an outsider.
