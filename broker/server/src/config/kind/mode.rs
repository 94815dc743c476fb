//! The modes of files.

use super::Kind;
use crate::config::written::Written;

/// Every bit that says who may read, write and execute.
const MODE_MAX: u32 = 0o777;

/// The mode of a file, written in octal digits.
pub(in crate::config) struct Mode;

/// The mode of a file.
pub(in crate::config) fn mode() -> Mode {
    Mode
}

impl Kind for Mode {
    type Value = u32;

    fn read(&self, written: &Written) -> Option<u32> {
        let digits = written.text()?.trim();
        let octal = digits.starts_with('0') && digits.chars().all(|digit| digit.is_digit(8));
        u32::from_str_radix(digits, 8).ok().filter(|_| octal)
    }

    fn accepts(&self, value: &u32) -> bool {
        *value <= MODE_MAX
    }

    fn show(&self, value: &u32) -> String {
        super::quoted(&format!("{value:04o}"))
    }

    fn allowed(&self) -> String {
        format!("octal digits from \"0000\" to \"{MODE_MAX:04o}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_octal_digits_in_a_string() {
        let read = |text: &str| {
            Mode.read(&Written::Text(text.to_owned())).filter(|value| Mode.accepts(value))
        };
        assert_eq!(read("0600"), Some(0o600));
        assert_eq!(read("0777"), Some(0o777));
        for text in ["01000", "600", "0x1", "0688", "", "rw"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(Mode.read(&Written::Integer(600)), None);
        assert_eq!(Mode.show(&0o60), "\"0060\"");
    }
}
