//! Numbers as each language prints them. Figures that do not exist (`NaN`) are printed as a dash.

use paname_stats::Interval;

use crate::{Language, key};

const NARROW: &str = "\u{202f}";
const DASH: &str = "–";

impl Language {
    /// A count: `1,234` or `1 234`.
    pub fn count(self, n: u64) -> String {
        let digits = n.to_string();
        let separator = if self == Self::French { NARROW } else { "," };
        let mut grouped = String::with_capacity(digits.len() * 2);
        for (i, digit) in digits.chars().enumerate() {
            if i > 0 && (digits.len() - i).is_multiple_of(3) {
                grouped.push_str(separator);
            }
            grouped.push(digit);
        }
        grouped
    }

    /// A number with so many decimals; minus is a minus sign.
    pub fn decimal(self, value: f64, decimals: usize) -> String {
        if value.is_nan() {
            return DASH.to_owned();
        }
        if value.is_infinite() {
            return if value > 0.0 { "+∞" } else { "−∞" }.to_owned();
        }
        self.localised(&format!("{value:.decimals$}"))
    }

    /// A share as per cent, to the precision that it deserves: `14.4%`, `0.25%`, `0.031%`; what is below a thousandth of a per cent says so.
    pub fn percent(self, share: f64) -> String {
        if !share.is_finite() {
            return DASH.to_owned();
        }
        let percent = 100.0 * share;
        let size = percent.abs();
        let decimals = match size {
            0.0 | 100.0 => 0,
            _ if size < 0.1 => 3,
            _ if size < 1.0 || (size > 99.9 && size < 100.0) => 2,
            _ => 1,
        };
        if size > 0.0 && size < 0.001 {
            return format!("<{NARROW}{}", self.with_sign(&self.decimal(0.001, 3)));
        }
        self.with_sign(&self.decimal(percent, decimals))
    }

    /// A declared share such as a level, with the digits that it was declared with: `1%`, `0.1%`.
    pub fn level(self, share: f64) -> String {
        if !share.is_finite() {
            return DASH.to_owned();
        }
        // Ten digits hide that 0.07 × 100 is not 7 in binary.
        self.with_sign(&self.localised(&((1e12 * share).round() / 1e10).to_string()))
    }

    /// A declared number, with the digits that it was declared with: `8`, `0.00001`.
    pub fn number(self, value: f64) -> String {
        self.localised(&value.to_string())
    }

    /// A p-value: three decimals, more for small ones, a bound below one in ten thousand.
    pub fn p_value(self, p: f64) -> String {
        if p < 0.0001 {
            format!("<{NARROW}{}", self.decimal(0.0001, 4))
        } else {
            self.decimal(p, if p < 0.01 { 4 } else { 3 })
        }
    }

    /// A p-value in a sentence: `p = 0.040`, `p < 0.0001`.
    pub fn p_equation(self, p: f64) -> String {
        let value = self.p_value(p);
        match value.strip_prefix(&format!("<{NARROW}")) {
            Some(bound) => format!("p\u{a0}<\u{a0}{bound}"),
            None => format!("p\u{a0}=\u{a0}{value}"),
        }
    }

    /// A score of any size, to four digits.
    pub fn score(self, value: f64) -> String {
        let size = value.abs();
        if !value.is_finite() || size == 0.0 {
            return self.decimal(value, 0);
        }
        if !(1e-4..1e6).contains(&size) {
            return self.localised(&format!("{value:.2e}"));
        }
        let decimals = (3 - size.log10().floor() as i32).clamp(0, 7);
        self.decimal(value, decimals as usize)
    }

    /// An interval of shares: `12.0% to 17.1%`.
    pub fn percent_range(self, interval: &Interval) -> String {
        self.range(&self.percent(interval.lower), &self.percent(interval.upper))
    }

    /// An interval of plain numbers.
    pub fn decimal_range(self, interval: &Interval, decimals: usize) -> String {
        self.range(&self.decimal(interval.lower, decimals), &self.decimal(interval.upper, decimals))
    }

    /// A difference of shares in points, hundredths of the whole: `2.3 points`, `−0.04 points`.
    pub fn points(self, difference: f64) -> String {
        let Some(number) = self.hundredths(difference) else { return DASH.to_owned() };
        // Two begin the plural in French; a number with decimals is plural in English.
        let singular = self == Self::French && (1000.0 * difference).round().abs() < 20.0;
        let key = if singular { key!("points.one") } else { key!("points.many") };
        self.fill(key, &[("n", &number)])
    }

    /// An interval of differences of shares: `0.8 to 3.8 points`.
    pub fn points_range(self, interval: &Interval) -> String {
        let lower = self.hundredths(interval.lower).unwrap_or_else(|| DASH.to_owned());
        self.range(&lower, &self.points(interval.upper))
    }

    /// A difference of shares without its unit, where it is finite.
    pub(crate) fn hundredths(self, difference: f64) -> Option<String> {
        let points = 100.0 * difference;
        let decimals = if points.abs() < 0.095 && points.abs() >= 0.005 { 2 } else { 1 };
        // What rounds to nothing has no sign.
        let points = if points.abs() < 0.005 { 0.0 } else { points };
        points.is_finite().then(|| self.decimal(points, decimals))
    }

    /// The day of an RFC 3339 time, in words; anything else is given back unchanged.
    pub fn day(self, time: &str) -> String {
        let words = || {
            let mut parts = time.get(..10)?.split('-').map(|part| part.parse::<usize>().ok());
            let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
            let months = self.text(key!("months"));
            let month = months.split(' ').nth(month.checked_sub(1)?)?;
            let day = if day == 1 { self.text(key!("day.first")) } else { day.to_string() };
            Some(self.fill(key!("date"), &[("day", &day), ("month", month), ("year", &year.to_string())]))
        };
        words().unwrap_or_else(|| time.to_owned())
    }

    fn range(self, lower: &str, upper: &str) -> String {
        self.fill(key!("range"), &[("lower", lower), ("upper", upper)])
    }

    fn with_sign(self, number: &str) -> String {
        if self == Self::French { format!("{number}{NARROW}%") } else { format!("{number}%") }
    }

    pub(crate) fn localised(self, number: &str) -> String {
        let number = number.replace('-', "−");
        if self == Self::French { number.replace('.', ",") } else { number }
    }
}

/// An RFC 3339 time to the second, `2026-03-01 09:12:04`; anything else is given back unchanged.
pub(crate) fn second(time: &str) -> String {
    let parts = time.get(..10).zip(time.get(11..19)).filter(|_| time.get(10..11) == Some("T"));
    parts.map_or_else(|| time.to_owned(), |(day, second)| format!("{day} {second}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_look_right_in_both_languages() {
        let [fr, en] = Language::ALL;
        assert_eq!([fr.count(7), fr.count(1_234_567)], ["7", "1\u{202f}234\u{202f}567"]);
        assert_eq!([en.count(999), en.count(1000), en.count(123_456)], ["999", "1,000", "123,456"]);
        let shares = [0.0, 1.0, 0.5, 0.144, 0.00256, 0.000_31, 0.000_001, 0.9997, f64::NAN];
        let shown = ["0%", "100%", "50.0%", "14.4%", "0.26%", "0.031%", "<\u{202f}0.001%", "99.97%", "–"];
        assert_eq!(shares.map(|share| en.percent(share)), shown);
        assert_eq!(
            [0.01, 0.001, 0.07, 0.0001].map(|level| fr.level(level)),
            ["1", "0,1", "7", "0,01"].map(|n| format!("{n}\u{202f}%"))
        );
        assert_eq!(
            [0.04, 0.0042, 0.000_01, 1.0].map(|p| en.p_value(p)),
            ["0.040", "0.0042", "<\u{202f}0.0001", "1.000"]
        );
        assert_eq!(
            [-1.5, 1234.56, 0.012_34, 1e-9, f64::NEG_INFINITY, 0.0].map(|s| fr.score(s)),
            ["−1,500", "1235", "0,01234", "1,00e−9", "−∞", "0"]
        );
    }

    #[test]
    fn points_agree_with_their_number() {
        let [fr, en] = Language::ALL;
        let values = [0.023, 0.0196, 0.01, -0.015, 0.0004, -0.000_01, f64::NAN];
        let english =
            ["2.3 points", "2.0 points", "1.0 points", "−1.5 points", "0.04 points", "0.0 points", "–"];
        assert_eq!(values.map(|value| en.points(value)), english);
        let french = ["2,3 points", "2,0 points", "1,0 point", "−1,5 point", "0,04 point", "0,0 point", "–"];
        assert_eq!(values.map(|value| fr.points(value)), french);
        let interval = Interval { lower: -0.008, upper: 0.038, confidence: 0.95 };
        assert_eq!(en.points_range(&interval), "−0.8 to 3.8 points");
        assert_eq!(fr.points_range(&interval), "−0,8 à 3,8 points");
    }

    #[test]
    fn days_are_words_and_nonsense_stays() {
        let [fr, en] = Language::ALL;
        assert_eq!(fr.day("2026-03-01T10:00:00Z"), "1er mars 2026");
        assert_eq!(en.day("2026-12-24T10:00:00Z"), "24 December 2026");
        assert_eq!(second("2026-03-01T09:12:04.818491474Z"), "2026-03-01 09:12:04");
        for odd in ["", "2026-13-01", "é2026-01-01", "2026-00-01", "soon, or later"] {
            assert_eq!(en.day(odd), odd);
            assert_eq!(second(odd), odd);
        }
    }
}
