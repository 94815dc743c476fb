//! Every protocol is tried in the same ways.

use super::protocol::Protocol;
use super::reader::Reader;

/// What a stream should be read as.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Trial {
    pub(super) count: u64,
    pub(super) first: Vec<u8>,
    pub(super) last: Vec<u8>,
    pub(super) answers: u64,
    pub(super) pings: u64,
}

/// Reads a stream in one piece, in two that are cut at every byte, and byte by byte.
pub(super) fn reads<P: Protocol>(protocol: impl Fn() -> P, stream: &[u8], expected: &Trial) {
    assert_eq!(&read(protocol(), &[stream]), expected, "in one piece");
    for cut in 0..=stream.len() {
        let (front, back) = stream.split_at(cut);
        assert_eq!(&read(protocol(), &[front, back]), expected, "cut at {cut}");
    }
    let bytes: Vec<_> = stream.chunks(1).collect();
    assert_eq!(&read(protocol(), &bytes), expected, "byte by byte");
}

fn read<P: Protocol>(protocol: P, pieces: &[&[u8]]) -> Trial {
    let mut reader = Reader::new(protocol);
    let mut buffer = vec![0; 4096];
    let mut trial = Trial::default();
    for piece in pieces {
        let begin = reader.begin(&mut buffer).unwrap();
        let end = begin + piece.len();
        buffer[begin..end].copy_from_slice(piece);
        let seen = reader.read(&buffer[..end]).unwrap();
        if trial.count == 0 {
            trial.first = seen.first.to_vec();
        }
        if seen.count > 0 {
            trial.last = seen.last.to_vec();
        }
        trial.count += seen.count;
        trial.answers += seen.answers;
        trial.pings += seen.pings;
    }
    assert_eq!(reader.begin(&mut buffer).unwrap(), 0, "nothing is left over");
    trial
}
