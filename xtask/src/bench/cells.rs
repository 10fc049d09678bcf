//! The contents of table cells.

/// Whether a promise is kept, for a table cell.
pub(super) fn yes_or_no(kept: bool) -> &'static str {
    if kept { "yes" } else { "**no**" }
}

/// Three significant digits, whatever the unit.
pub(super) fn rounded(value: f64) -> String {
    let decimals = (2 - value.abs().log10().floor() as i32).clamp(0, 6) as usize;
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_significant_digits() {
        assert_eq!([0.07612, 1.234, 56.78, 2345.6].map(rounded), ["0.0761", "1.23", "56.8", "2346"]);
    }
}
