//! Patches that forget which members are to be removed.

use broker_protocol::frame::Message;
use serde_json::Value;

/// The payload of a patch without its nulls, if it has any.
pub(super) fn without_nulls(message: &Message<'_>) -> Option<Vec<u8>> {
    let Ok(Value::Object(mut members)) = serde_json::from_slice(&message.body.payload) else {
        return None;
    };
    let before = members.len();
    members.retain(|_, value| !value.is_null());
    // What is numbered begins with its number.
    let number = members.remove("n")?;
    let rest = members.iter().map(|(name, value)| format!(",\"{name}\":{value}"));
    let payload = format!("{{\"n\":{number}{}}}", rest.collect::<String>());
    (members.len() + 1 < before).then(|| payload.into_bytes())
}
