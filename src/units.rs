//! Bytes, percentages and durations: parsed where the user writes them, printed one way everywhere.
//! Byte units are decimal (1 kB = 1,000 bytes), as registries and browsers show them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Bytes(pub u64);

/// A difference of bytes, printed with its sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ByteDelta(pub i64);

/// A percentage: `5.0` is five percent.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Percent(pub f64);

impl Bytes {
    /// How much `self` is more than `base`, saturating at the ends of the range.
    #[must_use]
    pub fn delta_from(self, base: Self) -> ByteDelta {
        let clamp = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        ByteDelta(clamp(self.0).saturating_sub(clamp(base.0)))
    }
}

impl Percent {
    /// `part` of `whole`; `None` when there is no whole to relate to.
    #[must_use]
    pub fn of(part: f64, whole: f64) -> Option<Self> {
        (whole > 0.0).then(|| Self(part / whole * 100.0))
    }

    /// Relative change from `base` to `head`; `None` from nothing.
    #[must_use]
    pub fn change(base: Bytes, head: Bytes) -> Option<Self> {
        #[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
        let (base, delta) = (base.0 as f64, head.delta_from(base).0 as f64);
        Self::of(delta, base)
    }
}

/// `12.3 MB`: three significant digits or one decimal, never more precise than the unit is worth.
fn scaled(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 1_000 {
        return format!("{bytes} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    let mut value = bytes as f64 / 1_000.0;
    let mut units = UNITS.iter();
    let mut unit = units.next().copied().unwrap_or_default();
    // 999.95 would print as 1000.0, so it already belongs to the next unit.
    while value >= 999.95 {
        let Some(next) = units.next() else { break };
        value /= 1_000.0;
        unit = next;
    }
    format!("{value:.1} {unit}")
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&scaled(self.0))
    }
}

impl fmt::Display for ByteDelta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.0 {
            0 => "±",
            1.. => "+",
            _ => "−",
        };
        f.pad(&format!("{sign}{}", scaled(self.0.unsigned_abs())))
    }
}

impl fmt::Display for Percent {
    /// Always with a sign, as this type is used for changes: `+5.0 %`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = format!("{:.1}", self.0.abs());
        let sign = match (magnitude.as_str(), self.0 < 0.0) {
            ("0.0", _) => "±",
            (_, true) => "−",
            (_, false) => "+",
        };
        f.pad(&format!("{sign}{magnitude} %"))
    }
}

/// A text that is not what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseUnitError {
    text: String,
    expected: &'static str,
}

impl fmt::Display for ParseUnitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not {}", self.text, self.expected)
    }
}

impl std::error::Error for ParseUnitError {}

impl FromStr for Bytes {
    type Err = ParseUnitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<bytesize::ByteSize>().map(|size| Self(size.as_u64())).map_err(|_| ParseUnitError {
            text: text.to_owned(),
            expected: "a number of bytes; expected 60MB, 60MiB or 62914560",
        })
    }
}

impl FromStr for Percent {
    type Err = ParseUnitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.strip_suffix('%')
            .and_then(|number| number.trim().parse::<f64>().ok())
            .filter(|number| number.is_finite() && *number >= 0.0)
            .map(Self)
            .ok_or_else(|| ParseUnitError { text: text.to_owned(), expected: "a percentage; expected 5% or 2.5%" })
    }
}

/// Parses `90s`, `10m`, `1h 30m`.
///
/// # Errors
/// When the text is not such a duration or is zero.
pub fn parse_duration(text: &str) -> Result<Duration, ParseUnitError> {
    humantime::parse_duration(text)
        .ok()
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| ParseUnitError { text: text.to_owned(), expected: "a duration; expected 90s, 10m or 1h 30m" })
}

/// A duration for people: `0.31s`, `12.4s`, `2m41s`, `1h02m`.
#[must_use]
pub fn show_duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match seconds {
        ..9.995 => format!("{seconds:.2}s"),
        ..59.95 => format!("{seconds:.1}s"),
        _ => {
            let whole = duration.as_secs() + u64::from(duration.subsec_millis() >= 500);
            match (whole / 3_600, whole / 60 % 60, whole % 60) {
                (0, minutes, seconds) => format!("{minutes}m{seconds:02}s"),
                (hours, minutes, _) => format!("{hours}h{minutes:02}m"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_parse_in_decimal_binary_and_plain() {
        for (text, bytes) in [("60MB", 60_000_000), ("60MiB", 62_914_560), ("62914560", 62_914_560), ("1.5 kB", 1_500)]
        {
            assert_eq!(text.parse::<Bytes>().unwrap(), Bytes(bytes), "{text}");
        }
        for text in ["", "MB", "-1MB", "60XB", "1e400", "NaN"] {
            assert!(text.parse::<Bytes>().is_err(), "{text}");
        }
    }

    #[test]
    fn bytes_print_with_one_decimal_in_the_fitting_unit() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (999_949, "999.9 kB"),
            (999_950, "1.0 MB"),
            (1_250_000_000, "1.2 GB"),
            (u64::MAX, "18446.7 PB"),
        ] {
            assert_eq!(Bytes(bytes).to_string(), text);
        }
    }

    #[test]
    fn deltas_carry_their_sign() {
        assert_eq!(Bytes(1_500).delta_from(Bytes(500)).to_string(), "+1.0 kB");
        assert_eq!(Bytes(500).delta_from(Bytes(1_500)).to_string(), "−1.0 kB");
        assert_eq!(ByteDelta(0).to_string(), "±0 B");
        assert_eq!(Bytes(u64::MAX).delta_from(Bytes(0)), ByteDelta(i64::MAX));
    }

    #[test]
    fn percentages_parse_print_and_never_divide_by_nothing() {
        assert_eq!("5%".parse::<Percent>().unwrap(), Percent(5.0));
        assert_eq!("2.5 %".parse::<Percent>().unwrap(), Percent(2.5));
        for text in ["5", "%", "-1%", "inf%", "NaN%"] {
            assert!(text.parse::<Percent>().is_err(), "{text}");
        }
        assert_eq!(Percent::change(Bytes(0), Bytes(5)), None);
        assert_eq!(Percent::change(Bytes(200), Bytes(190)).unwrap().to_string(), "−5.0 %");
        assert_eq!(Percent(0.04).to_string(), "±0.0 %");
    }

    #[test]
    fn durations_parse_and_print_for_people() {
        assert_eq!(parse_duration("10m").unwrap(), Duration::from_secs(600));
        for text in ["", "10", "0s", "ten"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        for (millis, text) in [
            (0, "0.00s"),
            (310, "0.31s"),
            (12_420, "12.4s"),
            (59_960, "1m00s"),
            (161_000, "2m41s"),
            (3_720_000, "1h02m"),
        ] {
            assert_eq!(show_duration(Duration::from_millis(millis)), text);
        }
    }
}
