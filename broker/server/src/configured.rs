//! From a configuration to a broker that listens.
//!
//! The only place that names the transports and the settings together: a new transport is a name in
//! [`config::Transport`](crate::config::Transport) and an arm in [`bind`] here.

use std::io;
use std::net::SocketAddr;
use std::num::NonZero;

use broker_core::{
    Absence, Config as ShardConfig, Limits, Liveness, Policies, RetainedConfig, SequencerConfig,
};
use broker_delivery::lane::{Bound, LaneOptions};
use thiserror::Error;
use transport_api::Listener;
use transport_tls::{Fingerprint, IdentityError, ServerIdentity};

use crate::config::{Config, ConfigErrors, Listen, Pattern, Transport};
use crate::{Builder, SUBPROTOCOLS};

/// A broker as a configuration describes it, not yet started.
#[derive(Debug)]
#[non_exhaustive]
pub struct Configured {
    /// To be [started](Builder::start); more can be said before.
    pub builder: Builder,
    /// What clients trust, if anything that is listened on is encrypted and the certificate is the
    /// development certificate that no authority stands behind.
    pub development_fingerprint: Option<Fingerprint>,
}

/// A configuration that no broker can be made of.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfiguredError {
    /// Values that aren't allowed.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// No certificate.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

impl Builder {
    /// Describes the broker that the configuration asks for.
    ///
    /// Where it listens encrypted without a certificate of its own, a development certificate is
    /// loaded from the data directory, or made there.
    ///
    /// # Errors
    /// If the configuration isn't valid, or there is no certificate to be had.
    pub fn configured(config: &Config) -> Result<Configured, ConfiguredError> {
        config.check()?;
        let identity = identity(config)?;
        let is_development = config.tls.certificate.is_none();
        let mut builder = Self::default()
            .shards(shards(config))
            .config(shard_config(config))
            .topics(SequencerConfig {
                topics_max: config.limits.topics_max,
                topics_per_session_max: config.limits.topics_per_session_max,
                forget_after: config.topics.forget_after,
                retained: RetainedConfig {
                    keys_max: config.retained.keys_max,
                    values_max: config.retained.values_max,
                    bytes_max: config.retained.bytes_max,
                },
                ..SequencerConfig::default()
            })
            .connections_max(config.limits.connections_max)
            .inbox_bytes_max(config.limits.inbox_bytes_max)
            .shutdown(config.shutdown.deadline, config.shutdown.reconnect_spread);
        for listen in config.listen.clone() {
            let (config, identity) = (config.clone(), identity.clone());
            builder = builder.listen(move || {
                bind(&config, &listen, identity).map_err(|error| named(&listen, &error))
            });
        }
        let fingerprint = identity.filter(|_| is_development).map(|own| own.fingerprint());
        Ok(Configured { builder, development_fingerprint: fingerprint })
    }
}

/// The certificate, where anything needs it.
fn identity(config: &Config) -> Result<Option<ServerIdentity>, IdentityError> {
    let encrypts = |listen: &Listen| listen.tls || listen.transport == Transport::Quic;
    if !config.listen.iter().any(encrypts) {
        return Ok(None);
    }
    let tls = &config.tls;
    match (&tls.certificate, &tls.key) {
        (Some(certificate), Some(key)) => ServerIdentity::load(certificate, key),
        _ => ServerIdentity::development(&config.server.data_directory),
    }
    .map(Some)
}

fn shards(config: &Config) -> u16 {
    let cores = || std::thread::available_parallelism().map_or(1, NonZero::get);
    let shards = if config.server.shards == 0 { cores() } else { config.server.shards };
    u16::try_from(shards).unwrap_or(u16::MAX)
}

fn shard_config(config: &Config) -> ShardConfig {
    ShardConfig {
        server_name: config.server.name.clone(),
        limits: limits(config),
        liveness: liveness(config),
        absence: absence(config),
        lane: lane(config),
        policies: Policies::new(config.patterns.iter().map(pattern).collect()),
        request_timeout: config.requests.timeout,
        request_timeout_max: config.requests.timeout_max,
        log_bytes_max: config.limits.log_bytes_max,
        inspection: config.server.inspection,
        ..ShardConfig::default()
    }
}

fn limits(config: &Config) -> Limits {
    let limits = &config.limits;
    Limits {
        payload_bytes_max: limits.payload_bytes_max,
        frame_bytes_max: Limits::frame_bytes_for(limits.payload_bytes_max),
        frames_per_packet_max: limits.frames_per_packet_max,
        packet_bytes_max: limits.packet_bytes_max,
        subscriptions_max: limits.subscriptions_per_session_max,
        watches_max: limits.watches_per_session_max,
        memberships_max: limits.memberships_per_session_max,
        callbacks_max: limits.callbacks_max,
        holds_max: limits.holds_max,
        commands_open_max: limits.commands_open_max,
        name_bytes_max: limits.name_bytes_max,
        key_bytes_max: limits.key_bytes_max,
        headers_max: limits.headers_max,
        headers_bytes_max: limits.headers_bytes_max,
        control_bytes_max: limits.control_bytes_max,
        receive_window_min: u32::try_from(limits.receive_window_min).unwrap_or(u32::MAX),
        receive_window_max: u32::try_from(limits.receive_window_max).unwrap_or(u32::MAX),
        ..Limits::default()
    }
}

fn liveness(config: &Config) -> Liveness {
    let limits = &config.limits;
    let usual = Liveness::default();
    Liveness {
        handshake_timeout: limits.handshake_timeout,
        ping_interval: limits.ping_interval,
        ping_interval_min: usual.ping_interval_min.min(limits.ping_interval),
        ping_misses: u32::try_from(limits.ping_misses).unwrap_or(u32::MAX),
    }
}

fn absence(config: &Config) -> Absence {
    let sessions = &config.sessions;
    Absence {
        expiry: sessions.expiry,
        sessions_max: sessions.away_max,
        bytes_max: sessions.away_bytes_max as u64,
        resume_window: sessions.resume_window as u64,
    }
}

fn lane(config: &Config) -> LaneOptions {
    let lanes = &config.lanes;
    let bound = Bound {
        messages: u32::try_from(lanes.bound_messages).unwrap_or(u32::MAX),
        bytes: lanes.bound_bytes as u64,
    };
    LaneOptions { overflow: lanes.overflow.into(), bound, ..LaneOptions::default() }
}

fn pattern(pattern: &Pattern) -> broker_core::Pattern {
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let priority = |priority: usize| u8::try_from(priority).unwrap_or(u8::MAX);
    let bytes = |bytes: usize| bytes as u64;
    broker_core::Pattern {
        filter: pattern.filter.clone(),
        keep: pattern.keep.map(Into::into),
        overflow: pattern.overflow.map(Into::into),
        bound_messages: pattern.bound_messages.map(count),
        bound_bytes: pattern.bound_bytes.map(bytes),
        priority: pattern.priority.map(priority),
        min_interval: pattern.min_interval,
        bound_messages_max: pattern.bound_messages_max.map(count),
        bound_bytes_max: pattern.bound_bytes_max.map(bytes),
        priority_max: pattern.priority_max.map(priority),
        min_interval_min: pattern.min_interval_min,
        forbidden_keeps: pattern.forbid_keep.clone(),
        forbidden_overflows: pattern.forbid_overflow.iter().map(|one| (*one).into()).collect(),
        forbids_unreliable: pattern.forbid_unreliable,
        retain: pattern.retain,
        keys_max: pattern.keys_max,
        topics_max: pattern.topics_max,
    }
}

/// Opens one listener, in the runtime where it will live.
fn bind(
    config: &Config,
    listen: &Listen,
    identity: Option<ServerIdentity>,
) -> io::Result<Box<dyn Listener>> {
    match listen.transport {
        Transport::WebSocket => bind_websocket(config, listen, identity),
        Transport::Quic => bind_quic(config, listen, identity),
        Transport::Unix => bind_unix(config, listen),
    }
}

fn bind_websocket(
    config: &Config,
    listen: &Listen,
    identity: Option<ServerIdentity>,
) -> io::Result<Box<dyn Listener>> {
    let settings = transport_websocket::Config {
        packet_bytes_max: packet_bytes_received_max(config),
        origins_allowed: listen.origins_allowed.clone(),
        unsent_bytes_max: u32::try_from(config.websocket.unsent_bytes_max).ok(),
        tls: identity.filter(|_| listen.tls).map(|own| own.server_config(&[])),
        ..transport_websocket::Config::default()
    };
    let address = socket_address(listen)?;
    Ok(Box::new(transport_websocket::listen(address, settings, &SUBPROTOCOLS)?))
}

fn bind_quic(
    config: &Config,
    listen: &Listen,
    identity: Option<ServerIdentity>,
) -> io::Result<Box<dyn Listener>> {
    let identity = identity.ok_or_else(|| io::Error::other("there is no certificate"))?;
    let settings = transport_quic::Config {
        send_window_bytes: u32::try_from(config.quic.send_window_bytes).unwrap_or(u32::MAX),
        ..transport_quic::Config::default()
    };
    let address = socket_address(listen)?;
    Ok(Box::new(transport_quic::listen(address, settings, &identity, &SUBPROTOCOLS)?))
}

#[cfg(unix)]
fn bind_unix(config: &Config, listen: &Listen) -> io::Result<Box<dyn Listener>> {
    let unsent_bytes_max = u32::try_from(config.unix.unsent_bytes_max).ok();
    let settings = transport_unix::Config { mode: listen.mode, unsent_bytes_max };
    Ok(Box::new(transport_unix::listen(&listen.address, &settings, &SUBPROTOCOLS)?))
}

#[cfg(not(unix))]
fn bind_unix(_config: &Config, _listen: &Listen) -> io::Result<Box<dyn Listener>> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no Unix sockets"))
}

/// A packet from a client must be able to carry the largest payload.
fn packet_bytes_received_max(config: &Config) -> usize {
    let frame = Limits::frame_bytes_for(config.limits.payload_bytes_max);
    frame.max(transport_websocket::Config::PACKET_BYTES_MAX)
}

fn socket_address(listen: &Listen) -> io::Result<SocketAddr> {
    listen.address.parse().map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}

/// The error with the place, and what to do about it.
fn named(listen: &Listen, error: &io::Error) -> io::Error {
    let advice = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "; something else listens there: stop it or choose another port"
        }
        io::ErrorKind::AddrNotAvailable => "; no interface of this machine has that address",
        io::ErrorKind::PermissionDenied => "; choose a port from 1024, or another path",
        _ => "",
    };
    io::Error::new(error.kind(), format!("{listen}: {error}{advice}"))
}
