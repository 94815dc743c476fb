//! What people are told of a connection that comes and goes.

use client_sdk::ConnectionState;

/// Tells when the connection is lost and when it is back, once each, however many attempts that takes.
pub fn lost_and_back(
    mut tell: impl FnMut(&str) + Send + 'static,
) -> impl FnMut(ConnectionState) + Send + 'static {
    let mut is_lost = false;
    move |state| match state {
        ConnectionState::Reconnecting { .. } if !is_lost => {
            is_lost = true;
            tell("the connection is lost; trying to come back");
        }
        ConnectionState::Connected(session) if is_lost => {
            is_lost = false;
            // Who begins anew is told by the subscription what that means.
            if session.resumed {
                tell("back again, and nothing was missed");
            }
        }
        _ => {}
    }
}
