//! The broker's rules as plain state: no sockets, no clock, no tasks, no locks.
