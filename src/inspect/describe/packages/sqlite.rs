//! As much of SQLite's file format as it takes to read the blobs of one table (sqlite.org, "Database File Format").
//!
//! Every number in the file is whatever the file says: each is looked up, no page of a tree is read twice, and all rows
//! together are no longer than the file, as their bytes would be in an honest one.

const MAGIC: &[u8] = b"SQLite format 3\0";
/// The first page begins with the header of the file.
const HEADER_BYTES: usize = 100;
const LEAF: u8 = 0x0d;
const INTERIOR: u8 = 0x05;

/// A file.
struct Database<'a> {
    bytes: &'a [u8],
    page_bytes: usize,
    /// What of a page is used.
    usable_bytes: usize,
}

/// Hands out the last column of each row of a table; `None` when the file is damaged or something else.
pub(super) fn each_last_column(bytes: &[u8], table: &str, mut take: impl FnMut(&[u8])) -> Option<()> {
    let database = Database::new(bytes)?;
    let mut root = None;
    database.each_row(1, |row| {
        let columns = columns(row)?;
        let is_it = columns.first()? == b"table" && columns.get(1)? == &table.as_bytes();
        if is_it {
            root = number(columns.get(3)?);
        }
        Some(())
    })?;
    database.each_row(root?, |row| {
        take(columns(row)?.last()?);
        Some(())
    })
}

impl<'a> Database<'a> {
    fn new(bytes: &'a [u8]) -> Option<Self> {
        let header = bytes.strip_prefix(MAGIC)?;
        // 1 stands for 65,536, which two bytes do not hold.
        let page_bytes = match number(header.get(..2)?)? {
            1 => 65_536,
            bytes => bytes,
        };
        let usable_bytes = page_bytes.checked_sub(usize::from(*header.get(4)?))?;
        (page_bytes.is_power_of_two() && usable_bytes >= 480).then_some(Self { bytes, page_bytes, usable_bytes })
    }

    /// A page by its number, which counts from 1.
    fn page(&self, page: usize) -> Option<&'a [u8]> {
        let start = page.checked_sub(1)?.checked_mul(self.page_bytes)?;
        self.bytes.get(start..start.checked_add(self.usable_bytes)?)
    }

    /// Hands out the records of the tree at a page, in order.
    fn each_row(&self, root: usize, mut take: impl FnMut(&[u8]) -> Option<()>) -> Option<()> {
        let mut stack = vec![root];
        let mut pages = self.bytes.len() / self.page_bytes;
        let mut room = self.bytes.len();
        while let Some(at) = stack.pop() {
            pages = pages.checked_sub(1)?;
            let page = self.page(at)?;
            let header = page.get(if at == 1 { HEADER_BYTES } else { 0 }..)?;
            let count = number(header.get(3..5)?)?;
            let kind = *header.first()?;
            let pointers = header.get(if kind == INTERIOR { 12 } else { 8 }..)?.chunks_exact(2).take(count);
            match kind {
                LEAF => {
                    for pointer in pointers {
                        take(&self.row(page.get(number(pointer)?..)?, &mut room)?)?;
                    }
                }
                INTERIOR => {
                    let from = stack.len();
                    for pointer in pointers {
                        let cell = page.get(number(pointer)?..)?;
                        stack.push(number(cell.get(..4)?)?);
                    }
                    stack.push(number(header.get(8..12)?)?);
                    stack.get_mut(from..)?.reverse();
                    if stack.len() > self.bytes.len() / self.page_bytes {
                        return None;
                    }
                }
                _ => return None,
            }
        }
        Some(())
    }

    /// A record, which may go on in pages of its own.
    fn row(&self, cell: &[u8], room: &mut usize) -> Option<Vec<u8>> {
        let (length, rest) = varint(cell)?;
        let (_row_id, rest) = varint(rest)?;
        let length = usize::try_from(length).ok()?;
        *room = room.checked_sub(length)?;
        let local = self.local_bytes(length);
        let mut row = rest.get(..local)?.to_vec();
        let mut next = if local < length { number(rest.get(local..local + 4)?)? } else { 0 };
        while row.len() < length {
            let page = self.page(next)?;
            next = number(page.get(..4)?)?;
            let part = page.get(4..)?;
            row.extend_from_slice(part.get(..part.len().min(length - row.len()))?);
        }
        Some(row)
    }

    /// How much of a record lies in its cell ("B-tree Pages": X, M and K there).
    fn local_bytes(&self, length: usize) -> usize {
        let usable = self.usable_bytes;
        let (most, least) = (usable - 35, (usable - 12) * 32 / 255 - 23);
        if length <= most {
            return length;
        }
        let fitting = least + (length - least) % (usable - 4);
        if fitting <= most { fitting } else { least }
    }
}

/// The columns of a record.
fn columns(row: &[u8]) -> Option<Vec<&[u8]>> {
    let (header_bytes, _) = varint(row)?;
    let (mut header, mut values) = row.split_at_checked(usize::try_from(header_bytes).ok()?)?;
    header = varint(header)?.1;
    let mut columns = Vec::new();
    while !header.is_empty() {
        let (kind, rest) = varint(header)?;
        header = rest;
        let bytes = match kind {
            0 | 8 | 9 => 0,
            1..=4 => kind,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return None,
            // Blobs are even, texts odd.
            _ => (kind - 12) / 2,
        };
        let (value, rest) = values.split_at_checked(usize::try_from(bytes).ok()?)?;
        columns.push(value);
        values = rest;
    }
    Some(columns)
}

/// A number of seven bits a byte, the high ones first, eight in the ninth byte.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0u64;
    for (index, byte) in bytes.iter().take(9).enumerate() {
        if index == 8 {
            return Some((value << 8 | u64::from(*byte), bytes.get(9..)?));
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(index + 1..)?));
        }
    }
    None
}

/// A number that is stored big end first.
fn number(bytes: &[u8]) -> Option<usize> {
    (bytes.len() <= 4).then(|| bytes.iter().fold(0, |value, byte| value << 8 | usize::from(*byte)))
}
