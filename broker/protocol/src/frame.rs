//! The frames: what clients and the broker say to each other.
//!
//! [`ClientFrame`] goes to the broker, [`BrokerFrame`] to the client. Frames that carry a payload
//! borrow from what they were decoded from; the others own what they hold. Ids are chosen by the
//! sender of a command and echoed. Integers stay below 2^53, times are milliseconds since the Unix
//! epoch, durations are milliseconds. `docs/protocol.md` is the normative text.

mod broker;
mod client;
mod options;
mod parts;

pub use broker::{
    Accepted, Attached, BrokerFrame, CaughtUp, Connected, Detached, Gap, GapReason, LaneHeader,
    Message, Moved, Owner, OwnerState, Presence, Reconnect, Rejected, Released, ReleasedReason,
    RoutedCancel, RoutedReply, RoutedRequest, ServerInfo, SessionLimits, Shutdown,
};
pub use client::{
    Attach, Authenticate, Cancel, ClientFrame, ClientInfo, Connect, Consumed, Detach, Disconnect,
    Hold, Move, Offer, OfferedMethod, Publish, Release, Reply, Request, Resume, Send, Serve,
    Subscribe, Unsubscribe, Update,
};
pub use options::{Keep, LaneOptions, Overflow, Replay};
pub use parts::{Body, Content, Headers, LaneLag, LanePosition, Outcome, Ping, Pong, RequestError};
