//! How a session opens.

use std::sync::Arc;
use std::time::Duration;

use broker_delivery::check_topic;
use broker_protocol::ErrorCode;
use broker_protocol::frame::{
    BrokerFrame, Connect, Connected, LanePosition, ServerInfo, SessionLimits,
};

use super::Shard;
use super::resume::faulty_positions;
use crate::session::Stage;
use crate::{Command, Now};

/// The protocol's major version that is spoken here.
const VERSION: u32 = 1;

/// The smallest packet that a client may ask for, in bytes.
const PACKET_BYTES_MIN: usize = 512;

impl Shard {
    pub(super) fn connect(&mut self, now: Now, slot: u32, connect: Connect) {
        if connect.version != VERSION {
            let message = format!("version {} isn't spoken here; {VERSION} is", connect.version);
            return self.end_faulty(slot, ErrorCode::UnsupportedVersion, message);
        }
        let name = match self.name_of(slot, connect.client.name.as_deref()) {
            Ok(name) => name,
            Err(message) => return self.end_faulty(slot, ErrorCode::InvalidField, message),
        };
        if let Some(message) = connect.resume.as_ref().and_then(faulty_positions) {
            return self.end_faulty(slot, ErrorCode::InvalidField, message);
        }
        if let Some(home) = connect.resume.as_ref().and_then(|resume| self.resumable(resume)) {
            return self.resume(now, slot, home, &connect);
        }
        let (options, expiry) = (self.config.lane, self.expiry_for(&connect));
        let session = &mut self.sessions[slot as usize];
        (session.name, session.stage) = (name.clone(), Stage::Open);
        session.expiry = expiry;
        self.open_lane(slot, 0, options);
        self.attached(slot, &connect);
        let session = self.sessions[slot as usize].id;
        self.statistics.sessions_opened += 1;
        self.outgoing.push(Command::Open { session, name });
        let connected = self.connected(slot, None);
        self.tell(slot, &BrokerFrame::Connected(connected));
    }

    /// How long the session of a client may stay without a link.
    pub(super) fn expiry_for(&self, connect: &Connect) -> u32 {
        let most = self.config.absence.expiry.as_millis().min(u128::from(u32::MAX)) as u32;
        connect.session_expiry.map_or(most, |wished| most.min(wished.min(u64::from(most)) as u32))
    }

    /// Notes what a client wishes of the link.
    pub(super) fn attached(&mut self, slot: u32, connect: &Connect) {
        let liveness = &self.config.liveness;
        let wished = connect.ping_interval.map_or(liveness.ping_interval, Duration::from_millis);
        let most = liveness.ping_interval.max(liveness.ping_interval_min);
        let ping_interval = wished.clamp(liveness.ping_interval_min.min(most), most);
        let packet_bytes_max = self.packet_bytes_max(connect.packet_bytes_max);
        let receive_window = self.receive_window(connect.receive_window);
        let session = &mut self.sessions[slot as usize];
        session.link.ping_interval = ping_interval.as_millis().min(u128::from(u32::MAX)) as u32;
        session.link.packet_bytes_max = packet_bytes_max as u32;
        session.link.receive_window = receive_window;
        if receive_window.is_some() {
            let now = self.now;
            session.lanes.iter_mut().for_each(|one| one.begin_credit(receive_window, now));
        }
        session.measure_beside(self.now);
        self.share_what_is_kept(slot);
    }

    fn name_of(&self, slot: u32, wished: Option<&str>) -> Result<Arc<str>, String> {
        let id = self.sessions[slot as usize].id;
        let Some(name) = wished else { return Ok(Arc::from(format!("client-{id}"))) };
        let most = self.config.limits.name_bytes_max;
        if name.len() > most {
            return Err(format!(
                "client.name has {} bytes; at most {most} are allowed",
                name.len()
            ));
        }
        match check_topic(name) {
            Ok(()) if !name.starts_with('$') => Ok(Arc::from(name)),
            Ok(()) => Err(format!("client.name {name:?} begins with `$`, which is the broker's")),
            Err(error) => Err(format!("client.name {name:?} can't stand in a topic: {error}")),
        }
    }

    fn packet_bytes_max(&self, wished: Option<u32>) -> usize {
        let most = self.config.limits.packet_bytes_max;
        wished.map_or(most, |wished| (wished as usize).clamp(PACKET_BYTES_MIN.min(most), most))
    }

    /// What a client is told of its session; `resumed` says from where each lane goes on.
    pub(super) fn connected(&self, slot: u32, resumed: Option<Vec<LanePosition>>) -> Connected {
        let session = &self.sessions[slot as usize];
        let limits = &self.config.limits;
        Connected {
            session: session.id.to_string(),
            secret: format!("{:032x}", session.link.info.secret),
            name: session.name.to_string(),
            resumed: resumed.is_some(),
            lanes: resumed.unwrap_or_default(),
            limits: SessionLimits {
                payload_bytes_max: limits.payload_bytes_max as u64,
                frame_bytes_max: limits.frame_bytes_max as u64,
                packet_bytes_max: u64::from(session.link.packet_bytes_max),
                subscriptions_max: limits.subscriptions_max as u64,
                commands_open_max: limits.commands_open_max as u64,
            },
            ping_interval: u64::from(session.link.ping_interval),
            server: ServerInfo {
                name: self.config.server_name.clone(),
                version: self.config.server_version.clone(),
            },
            receive_window: session.link.receive_window.map(|window| window.get().into()),
        }
    }
}
