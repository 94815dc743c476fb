//! A certificate's name that nobody else can have.

use std::fmt;
use std::str::FromStr;

use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};

/// The SHA-256 of a certificate's DER bytes.
///
/// Written as lower-case hexadecimal without separators, as a person copies it from the server's
/// first lines; read with or without colons, in either case, with or without `sha256:` in front.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of a certificate.
    pub fn of(certificate: &CertificateDer<'_>) -> Self {
        Self(Sha256::digest(certificate).into())
    }

    /// The 32 bytes of the hash, as browsers want them in `serverCertificateHashes`.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Fingerprint {
    fn from(hash: [u8; 32]) -> Self {
        Self(hash)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// A text is no fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseFingerprintError {
    /// Something else than hexadecimal digits and colons between pairs.
    #[error("a fingerprint has only hexadecimal digits and colons, found {found:?}")]
    Digit {
        /// The first character that doesn't belong.
        found: char,
    },
    /// Too few or too many digits.
    #[error("a SHA-256 fingerprint has 64 hexadecimal digits, found {found}")]
    Length {
        /// How many digits there are.
        found: usize,
    },
}

impl FromStr for Fingerprint {
    type Err = ParseFingerprintError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let text = match text.get(..7) {
            Some(prefix) if prefix.eq_ignore_ascii_case("sha256:") => &text[7..],
            _ => text,
        };
        let (mut hash, mut found) = ([0_u8; 32], 0);
        for character in text.chars().filter(|character| *character != ':') {
            let digit = character.to_digit(16);
            let digit = digit.ok_or(ParseFingerprintError::Digit { found: character })?;
            if let Some(byte) = hash.get_mut(found / 2) {
                *byte = *byte << 4 | u8::try_from(digit).expect("a hexadecimal digit is below 16");
            }
            found += 1;
        }
        if found == 64 { Ok(Self(hash)) } else { Err(ParseFingerprintError::Length { found }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_in_every_usual_spelling() {
        let fingerprint = Fingerprint::of(&CertificateDer::from(&b"certificate"[..]));
        let plain = fingerprint.to_string();
        let pairs: Vec<_> = plain.as_bytes().chunks(2).map(String::from_utf8_lossy).collect();
        let colons = pairs.join(":");
        for text in [&plain, &plain.to_uppercase(), &colons, &format!("sha256:{colons}")] {
            assert_eq!(text.parse(), Ok(fingerprint), "{text}");
            assert_eq!(format!(" SHA256:{plain}\n").parse(), Ok(fingerprint));
        }
    }

    #[test]
    fn a_fingerprint_has_64_digits_and_neither_63_nor_65() {
        assert!("a".repeat(64).parse::<Fingerprint>().is_ok());
        for found in [0, 63, 65] {
            let text = "a".repeat(found);
            let error = ParseFingerprintError::Length { found };
            assert_eq!(text.parse::<Fingerprint>(), Err(error));
        }
    }

    #[test]
    fn a_strange_character_is_named() {
        let error = ParseFingerprintError::Digit { found: 'ö' };
        assert_eq!("sha256:abö".parse::<Fingerprint>(), Err(error));
    }
}
