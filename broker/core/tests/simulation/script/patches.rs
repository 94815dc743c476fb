//! Patches that publishers say: members that come, change, go, and are looked into.

use crate::judge::NUMBERED;
use crate::world::World;

/// Members of documents.
const MEMBERS: [&str; 4] = ["a", "b", "c", "d"];

impl World {
    /// A patch that begins with a number.
    pub(super) fn patch(&mut self, number: usize) -> Vec<u8> {
        let mut patch = NUMBERED.to_vec();
        patch.extend_from_slice(number.to_string().as_bytes());
        for member in MEMBERS {
            let value = match self.random.below(10) {
                0..5 => continue,
                5..7 => "null".to_owned(),
                7 => format!("{{\"{}\":{number}}}", self.random.pick(&MEMBERS)),
                8 => format!("{{\"{}\":null}}", self.random.pick(&MEMBERS)),
                _ => number.to_string(),
            };
            patch.extend_from_slice(format!(",\"{member}\":{value}").as_bytes());
        }
        patch.push(b'}');
        patch
    }
}
