//! How the two ends agree on what the bytes mean.

/// A language that packets can be written in, as the transports need to know it: by name.
///
/// A listener is given the ones it may accept, best first; a connector the one it offers. How a
/// transport negotiates is its own affair: WebSocket by `Sec-WebSocket-Protocol`
/// (`broker.v1.json`), QUIC by ALPN (`broker/1+json`), links without negotiation by a
/// [`Preamble`] (`broker/1 json\n`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subprotocol {
    /// The protocol family, for example `broker`.
    pub family: &'static str,
    /// The major version.
    pub version: u16,
    /// The codec, for example `json`.
    pub codec: &'static str,
    /// Whether packets are UTF-8 text. WebSocket sends these as text messages.
    pub text: bool,
}

impl Subprotocol {
    /// The name in a WebSocket's `Sec-WebSocket-Protocol`: `broker.v1.json`.
    pub fn websocket_name(&self) -> String {
        format!("{}.v{}.{}", self.family, self.version, self.codec)
    }

    /// The name in TLS ALPN: `broker/1+json`.
    pub fn alpn(&self) -> String {
        format!("{}/{}+{}", self.family, self.version, self.codec)
    }

    /// The line that opens a link without negotiation: `broker/1 json\n`.
    pub fn preamble(&self) -> String {
        format!("{}/{} {}\n", self.family, self.version, self.codec)
    }
}

/// Reads the line that opens a link without negotiation.
///
/// # Bounds
/// At most [`Preamble::BYTES_MAX`] bytes are taken before the line must have ended.
#[derive(Debug, Default)]
pub struct Preamble {
    line: Vec<u8>,
}

impl Preamble {
    /// The longest line that is read, in bytes with its newline.
    pub const BYTES_MAX: usize = 64;

    /// Takes bytes up to and including the newline from `bytes`.
    ///
    /// Returns how many were taken, and the line without its newline once it is complete.
    ///
    /// # Errors
    /// `Err(())` if the line is longer than [`Preamble::BYTES_MAX`] or not UTF-8.
    #[expect(clippy::result_unit_err, reason = "the caller words the refusal")]
    pub fn take(&mut self, bytes: &[u8]) -> Result<(usize, Option<String>), ()> {
        let newline = bytes.iter().position(|byte| *byte == b'\n');
        let taken = newline.map_or(bytes.len(), |at| at + 1);
        if self.line.len() + taken > Self::BYTES_MAX {
            return Err(());
        }
        self.line.extend_from_slice(&bytes[..taken]);
        if newline.is_none() {
            return Ok((taken, None));
        }
        self.line.pop();
        let line = String::from_utf8(std::mem::take(&mut self.line)).map_err(|_| ())?;
        Ok((taken, Some(line)))
    }

    /// Finds the subprotocol that `line` names.
    pub fn choose(line: &str, offered: &[Subprotocol]) -> Option<Subprotocol> {
        offered.iter().copied().find(|one| one.preamble().trim_end() == line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: Subprotocol =
        Subprotocol { family: "broker", version: 1, codec: "json", text: true };

    #[test]
    fn a_preamble_may_arrive_byte_by_byte_and_leaves_what_follows() {
        let mut preamble = Preamble::default();
        for byte in b"broker/1 jso" {
            assert_eq!(preamble.take(&[*byte]), Ok((1, None)));
        }
        assert_eq!(preamble.take(b"n\nrest"), Ok((2, Some("broker/1 json".into()))));
        assert_eq!(Preamble::choose("broker/1 json", &[JSON]), Some(JSON));
        assert_eq!(Preamble::choose("broker/2 json", &[JSON]), None);
    }

    #[test]
    fn a_line_of_63_bytes_and_a_newline_is_the_longest() {
        let longest = [vec![b'x'; Preamble::BYTES_MAX - 1], b"\n".to_vec()].concat();
        assert!(Preamble::default().take(&longest).is_ok_and(|(_, line)| line.is_some()));
        assert_eq!(Preamble::default().take(&[b'x'; Preamble::BYTES_MAX + 1]), Err(()));
    }
}
