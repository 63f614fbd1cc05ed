//! How well a colour is read on another, as WCAG counts it: 1 is not at all, 21 is black on white.

/// The least contrast of anything that is read.
pub const LEAST: f64 = 4.5;

/// How bright a colour is to an eye, from 0 to 1.
pub fn luminance([r, g, b]: [u8; 3]) -> f64 {
    let part = |c: u8| match f64::from(c) / 255.0 {
        c if c <= 0.03928 => c / 12.92,
        c => ((c + 0.055) / 1.055).powf(2.4),
    };
    0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b)
}

/// The contrast of two colours.
pub fn contrast(a: [u8; 3], b: [u8; 3]) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// Whether dark text is read better on it than light text.
pub fn is_light(background: [u8; 3]) -> bool {
    contrast(background, [0; 3]) > contrast(background, [255; 3])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrast_is_as_the_standard_counts() {
        assert!((contrast([0; 3], [255; 3]) - 21.0).abs() < 0.01);
        assert!((contrast([119; 3], [255; 3]) - 4.48).abs() < 0.01);
        assert!(is_light([253, 246, 227]) && !is_light([0, 43, 54]) && !is_light([20, 22, 26]));
    }
}
