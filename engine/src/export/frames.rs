//! Time as counted in film and video: frames and time code.

use std::fmt;
use std::str::FromStr;

/// Frames per second of a video timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameRate {
    /// 24000/1001, film on NTSC video.
    F23976,
    /// 24, film.
    F24,
    /// 25, PAL.
    F25,
    /// 30000/1001, NTSC, every frame counted.
    F2997,
    /// The same with drop-frame time code, which follows the clock.
    F2997Drop,
    /// 30.
    F30,
    /// 50.
    F50,
    /// 60000/1001, every frame counted.
    F5994,
    /// The same with drop-frame time code.
    F5994Drop,
    /// 60.
    F60,
}

impl FrameRate {
    /// All rates, ascending.
    pub const ALL: [Self; 10] = [
        Self::F23976,
        Self::F24,
        Self::F25,
        Self::F2997,
        Self::F2997Drop,
        Self::F30,
        Self::F50,
        Self::F5994,
        Self::F5994Drop,
        Self::F60,
    ];

    /// The name typed by users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::F23976 => "23.976",
            Self::F24 => "24",
            Self::F25 => "25",
            Self::F2997 => "29.97",
            Self::F2997Drop => "29.97df",
            Self::F30 => "30",
            Self::F50 => "50",
            Self::F5994 => "59.94",
            Self::F5994Drop => "59.94df",
            Self::F60 => "60",
        }
    }

    /// The rate in Apple's names of video formats.
    pub(super) const fn short_name(self) -> &'static str {
        match self {
            Self::F23976 => "2398",
            Self::F2997 | Self::F2997Drop => "2997",
            Self::F5994 | Self::F5994Drop => "5994",
            Self::F24 | Self::F25 | Self::F30 | Self::F50 | Self::F60 => self.name(),
        }
    }

    /// Frames per second of time code.
    pub(super) const fn nominal(self) -> u64 {
        match self {
            Self::F23976 | Self::F24 => 24,
            Self::F25 => 25,
            Self::F2997 | Self::F2997Drop | Self::F30 => 30,
            Self::F50 => 50,
            Self::F5994 | Self::F5994Drop | Self::F60 => 60,
        }
    }

    /// Whether a second of time code is 1.001 s long.
    pub(super) const fn is_ntsc(self) -> bool {
        !matches!(self, Self::F24 | Self::F25 | Self::F30 | Self::F50 | Self::F60)
    }

    /// Frame numbers dropped at the beginning of each minute except every tenth.
    pub(super) const fn dropped(self) -> u64 {
        match self {
            Self::F2997Drop => 2,
            Self::F5994Drop => 4,
            _ => 0,
        }
    }

    /// The corresponding value in Apple's and Adobe's files.
    pub(super) const fn counting(self) -> &'static str {
        if self.dropped() > 0 { "DF" } else { "NDF" }
    }

    /// Length of a frame as a fraction of a second: numerator and denominator.
    pub(super) const fn frame_duration(self) -> (u64, u64) {
        if self.is_ntsc() { (1001, 1000 * self.nominal()) } else { (100, 100 * self.nominal()) }
    }

    /// The frame that begins closest to a time; the first for times before zero.
    pub(super) fn frame_at(self, seconds: f64) -> u64 {
        let (numerator, denominator) = self.frame_duration();
        (seconds * denominator as f64 / numerator as f64).round() as u64
    }

    /// The time code of a frame: `hh:mm:ss:ff`, or `hh:mm:ss;ff` with dropped numbers. After a day it starts again.
    ///
    /// # Source
    /// SMPTE ST 12-1, drop-frame compensation.
    pub(super) fn time_code(self, frame: u64) -> String {
        let dropped = self.dropped();
        let (minute, ten_minutes) = (60 * self.nominal() - dropped, 600 * self.nominal() - 9 * dropped);
        let (tens, rest) = (frame / ten_minutes, frame % ten_minutes);
        // The first of every ten minutes is complete.
        let minutes = rest.saturating_sub(dropped) / minute;
        let number = frame + dropped * (9 * tens + minutes);
        let (seconds, frames) = (number / self.nominal(), number % self.nominal());
        let mark = if dropped > 0 { ';' } else { ':' };
        format!("{:02}:{:02}:{:02}{mark}{frames:02}", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60)
    }
}

impl fmt::Display for FrameRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A word that does not name a frame rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown frame rate '{found}': expected one of {}", FrameRate::ALL.map(FrameRate::name).join(", "))]
pub struct UnknownFrameRate {
    /// The word that was found.
    pub found: String,
}

impl FromStr for FrameRate {
    type Err = UnknownFrameRate;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|rate| rate.name() == text).ok_or_else(|| UnknownFrameRate { found: text.to_owned() })
    }
}

/// The time code of a timeline's first frame, a whole number of seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartTime {
    seconds: u32,
}

impl StartTime {
    /// One hour, the usual start in Resolve, Avid and Final Cut.
    pub const ONE_HOUR: Self = Self { seconds: 3600 };

    /// Number of the first frame. Where the numbers of this second begin with dropped ones, it is the first that there is.
    pub(super) const fn frame(self, rate: FrameRate) -> u64 {
        let minutes = self.seconds as u64 / 60;
        let begins_dropped = self.seconds.is_multiple_of(60) && !minutes.is_multiple_of(10);
        self.seconds as u64 * rate.nominal() - rate.dropped() * (minutes - minutes / 10 - begins_dropped as u64)
    }
}

impl fmt::Display for StartTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seconds } = self;
        write!(f, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
    }
}

/// A text that is not a time of day.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a time code of whole seconds such as 01:00:00, found '{found}'")]
pub struct NotStartTime {
    /// The text that was found.
    pub found: String,
}

impl FromStr for StartTime {
    type Err = NotStartTime;

    /// Parses `hh:mm:ss`, or `hh:mm:ss:00` as shown by programs.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let whole = text.strip_suffix(":00").filter(|rest| rest.matches(':').count() == 2).unwrap_or(text);
        let parts: Option<Vec<u32>> =
            whole.split(':').map(|part| part.parse().ok().filter(|_| part.bytes().all(|byte| byte.is_ascii_digit()))).collect();
        match parts.as_deref() {
            Some(&[hours @ 0..24, minutes @ 0..60, seconds @ 0..60]) => {
                Ok(Self { seconds: hours * 3600 + minutes * 60 + seconds })
            }
            _ => Err(NotStartTime { found: text.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_of_ntsc_time_code_is_3_6_seconds_longer() {
        assert_eq!(FrameRate::F2997.frame_at(3603.6), 108_000);
        assert_eq!(FrameRate::F2997.time_code(108_000), "01:00:00:00");
        assert_eq!(FrameRate::F25.time_code(FrameRate::F25.frame_at(3661.48)), "01:01:01:12");
        assert_eq!(FrameRate::F24.frame_at(-3.0), 0);
    }

    #[test]
    fn dropped_numbers_keep_time_code_at_the_clock() {
        let rate = FrameRate::F2997Drop;
        for (frame, expected) in [
            (0, "00:00:00;00"),
            (1799, "00:00:59;29"),
            (1800, "00:01:00;02"),
            (3597, "00:01:59;29"),
            (3598, "00:02:00;02"),
            (17_981, "00:09:59;29"),
            (17_982, "00:10:00;00"),
            (107_892, "01:00:00;00"),
            (2_589_408, "00:00:00;00"),
        ] {
            assert_eq!(rate.time_code(frame), expected, "{frame}");
        }
        assert_eq!(rate.time_code(rate.frame_at(3600.0)), "01:00:00;00");
        for (start, expected) in [("00:01:00", "00:01:00;02"), ("00:01:01", "00:01:01;00"), ("00:10:00", "00:10:00;00")] {
            assert_eq!(rate.time_code(start.parse::<StartTime>().unwrap().frame(rate)), expected);
        }
        assert_eq!(StartTime::ONE_HOUR.frame(rate), 107_892);
        assert_eq!(FrameRate::F5994Drop.time_code(3600), "00:01:00;04");
        for (seconds, start) in [(3600, "01:00:00;00"), (600, "00:10:00;00"), (35_999, "09:59:59;00")] {
            assert_eq!(rate.time_code(StartTime { seconds }.frame(rate)), start);
        }
    }

    #[test]
    fn names_round_trip() {
        for rate in FrameRate::ALL {
            assert_eq!(rate.name().parse(), Ok(rate));
        }
        assert!(
            "29,97"
                .parse::<FrameRate>()
                .unwrap_err()
                .to_string()
                .ends_with("expected one of 23.976, 24, 25, 29.97, 29.97df, 30, 50, 59.94, 59.94df, 60")
        );
    }

    #[test]
    fn starts_are_whole_seconds() {
        for (text, seconds) in [("01:00:00", 3600), ("10:00:00:00", 36_000), ("00:00:00", 0), ("23:59:59", 86_399)] {
            assert_eq!(text.parse(), Ok(StartTime { seconds }), "{text}");
        }
        for text in ["1", "01:00", "24:00:00", "00:60:00", "01:00:00:01", "+1:00:00", "", "01:00:00:00:00"] {
            assert!(text.parse::<StartTime>().is_err(), "{text}");
        }
        assert_eq!(StartTime::ONE_HOUR.to_string(), "01:00:00");
    }
}
