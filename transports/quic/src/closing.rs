//! The end in good order.

use std::time::Duration;

use quinn::{Connection, VarInt};
use transport_api::CloseReason;

use crate::sender::Sender;

/// How often it is looked whether the closing packet has left.
const CLOSE_POLL_INTERVAL: Duration = Duration::from_millis(1);
/// How often at most: a socket that takes nothing shall not hold up anybody.
const CLOSE_POLLS_MAX: u32 = 100;

/// Waits until the peer has everything that was taken, then closes the connection with `reason`.
///
/// Closing abandons whatever is still under way, so that the streams are finished first and their
/// acknowledgement awaited.
pub(crate) async fn close(connection: Connection, sender: Sender, reason: CloseReason) {
    sender.finish().await;
    if connection.close_reason().is_some() {
        return;
    }
    let sent_before = connection.stats().udp_tx.datagrams;
    close_now(&connection, &reason);
    for _ in 0..CLOSE_POLLS_MAX {
        tokio::time::sleep(CLOSE_POLL_INTERVAL).await;
        if connection.stats().udp_tx.datagrams > sent_before {
            return;
        }
    }
}

/// Closes the connection with `reason`, whatever is still under way.
pub(crate) fn close_now(connection: &Connection, reason: &CloseReason) {
    let code = VarInt::from_u32(reason.code.application().into());
    connection.close(code, reason.text().as_bytes());
}
