//! Numbers of bytes, as people write them.

use std::fmt;
use std::str::FromStr;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// The largest payload that can be asked for.
pub(crate) const MAX_PAYLOAD: usize = 16 * MIB;

/// The size of a payload in bytes, from 1 to [`MAX_PAYLOAD`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PayloadSize(pub(crate) usize);

impl PayloadSize {
    pub(crate) const fn kib(count: usize) -> Self {
        Self(count * KIB)
    }

    pub(crate) const fn mib(count: usize) -> Self {
        Self(count * MIB)
    }
}

/// `64`, `64B`, `4KiB`, `16MiB`.
impl FromStr for PayloadSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let unit = match text[digits.len()..].trim() {
            "" | "B" => 1,
            "KiB" => KIB,
            "MiB" => MIB,
            other => return Err(format!("`{other}` is none of B, KiB and MiB")),
        };
        let count: usize = digits.parse().map_err(|_| "a whole number is missing")?;
        count
            .checked_mul(unit)
            .filter(|bytes| (1..=MAX_PAYLOAD).contains(bytes))
            .map(Self)
            .ok_or_else(|| format!("a payload has 1 B to {}", Self(MAX_PAYLOAD)))
    }
}

impl fmt::Display for PayloadSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes if bytes >= MIB && bytes % MIB == 0 => write!(f, "{} MiB", bytes / MIB),
            bytes if bytes >= KIB && bytes % KIB == 0 => write!(f, "{} KiB", bytes / KIB),
            bytes => write!(f, "{bytes} B"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_and_without_units() {
        let bytes = |text: &str| text.parse::<PayloadSize>().map(|size| size.0);
        assert_eq!(bytes("64"), Ok(64));
        assert_eq!(bytes("64B"), Ok(64));
        assert_eq!(bytes("4KiB"), Ok(4096));
        assert_eq!(bytes("16 MiB"), Ok(16 * 1024 * 1024));
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in [
            "",
            "KiB",
            "0",
            "-1",
            "1.5MiB",
            "64kb",
            "17MiB",
            "99999999999999MiB",
        ] {
            assert!(text.parse::<PayloadSize>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_shown_can_be_read() {
        for size in [1, 1000, 1024, 1500, 1536, 65_536, 1_048_576, MAX_PAYLOAD] {
            let size = PayloadSize(size);
            assert_eq!(size.to_string().parse(), Ok(size));
        }
    }
}
