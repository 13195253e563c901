//! Numbers as tar headers write them.

use anyhow::{Context, Result, ensure};

use crate::escape;

/// A number in octal digits, or in GNU's form for what does not fit: big-endian after a byte with its highest bit set.
///
/// # Errors
/// When the field is neither, is negative, or does not fit 63 bits.
pub(super) fn numeric(field: &[u8]) -> Result<u64> {
    let number = match field.split_first() {
        Some((first, rest)) if first & 0x80 != 0 => {
            ensure!(first & 0x40 == 0, "a negative number");
            let bytes = std::iter::once(&(first & 0x3f))
                .chain(rest)
                .try_fold(0u64, |number, byte| number.checked_mul(256).map(|number| number | u64::from(*byte)));
            bytes.context("a number of more than 63 bits")?
        }
        _ => octal(field)?,
    };
    ensure!(i64::try_from(number).is_ok(), "a number of more than 63 bits");
    Ok(number)
}

fn octal(field: &[u8]) -> Result<u64> {
    let text = String::from_utf8_lossy(field);
    // What stands after a NUL is not part of it; an empty field is zero.
    let digits = text.trim_start_matches([' ', '\0']).split([' ', '\0']).next().unwrap_or_default();
    let wrong = || format!("{:?} is no octal number", escape::terminal(digits, 30));
    ensure!(digits.bytes().all(|byte| byte.is_ascii_digit()), wrong());
    if digits.is_empty() { Ok(0) } else { u64::from_str_radix(digits, 8).with_context(wrong) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_octal_or_binary() {
        let binary = |tail: &[u8]| [&[0x80, 0, 0, 0][..], tail].concat();
        for (field, number) in [
            (b"00000000017\0".to_vec(), 15),
            (b"  17 \0".to_vec(), 15),
            (b"17\0garbage".to_vec(), 15),
            (b"\0\0\0".to_vec(), 0),
            (binary(&[0, 0, 0, 2, 0, 0, 0, 1]), 8_589_934_593),
            (binary(&i64::MAX.to_be_bytes()), i64::MAX.unsigned_abs()),
        ] {
            assert_eq!(numeric(&field).unwrap(), number, "{field:?}");
        }
        for field in [b"8".to_vec(), b"-1".to_vec(), b"+1".to_vec(), b"x".to_vec(), vec![0xff; 12], binary(&[0xff; 8])]
        {
            assert!(numeric(&field).is_err(), "{field:?}");
        }
        assert!(numeric(&[0xbf; 12]).is_err());
    }
}
