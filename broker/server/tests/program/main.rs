//! The program as people, scripts and service managers run it.

mod bench;
mod publish;
mod request;
mod server;
mod sessions;
mod subscribe;
mod support;
mod topics;
