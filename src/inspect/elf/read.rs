//! Reads what is at hand of an ELF file. Offsets and counts are whatever the file says: each is looked up and bounded.

use std::ops::Range;

use object::elf::{
    DT_NEEDED, DT_RPATH, DT_RUNPATH, DT_SONAME, DT_STRSZ, DT_STRTAB, ET_DYN, ET_EXEC, FileHeader32, FileHeader64, PF_W,
    PT_DYNAMIC, PT_INTERP, PT_LOAD, SHF_ALLOC, SHT_PROGBITS, SHT_STRTAB, SHT_SYMTAB, VER_FLG_BASE, VER_FLG_WEAK,
};
use object::endian::Endianness;
use object::read::elf::{Dyn, FileHeader, ProgramHeader, SectionHeader};
use object::read::{ReadRef, StringTable};

use super::partial::Partial;
use super::{Elf, go, rust};

/// More of a range is not kept.
const RANGE_LIMIT_BYTES: u64 = 1024 * 1024;
/// How much of the data of a large program is kept: what Go writes down is at its start.
const DATA_BYTES: u64 = 256 * 1024;
/// No honest file needs more libraries or versions.
const LIST_LIMIT: usize = 4_096;

/// The ranges beyond the head that tell something, by the headers.
pub(super) fn wanted(file: &Partial, head_bytes: u64) -> Vec<Range<u64>> {
    let ranges = match class(file) {
        Some(true) => ranges_of::<FileHeader64<Endianness>>(file),
        Some(false) => ranges_of::<FileHeader32<Endianness>>(file),
        None => None,
    };
    let mut ranges: Vec<Range<u64>> = ranges.unwrap_or_default();
    ranges.retain(|range| range.end > head_bytes && range.end - range.start <= RANGE_LIMIT_BYTES);
    ranges.truncate(16);
    ranges.sort_by_key(|range| range.start);
    ranges
}

/// Whether the first segment of something that is linked dynamically goes on beyond this.
pub(super) fn has_long_head(file: &Partial, head_bytes: u64) -> bool {
    fn is_it<H: FileHeader<Endian = Endianness>>(file: &Partial, head_bytes: u64) -> Option<bool> {
        let header = H::parse(file).ok()?;
        let endian = header.endian().ok()?;
        let segments = header.program_headers(endian, file).ok()?;
        let is_dynamic = segments.iter().any(|segment| segment.p_type(endian) == PT_DYNAMIC);
        let first = segments.iter().find(|segment| segment.p_type(endian) == PT_LOAD)?;
        let (offset, bytes) = first.file_range(endian);
        Some(is_dynamic && offset < head_bytes && bytes > head_bytes)
    }
    match class(file) {
        Some(true) => is_it::<FileHeader64<Endianness>>(file, head_bytes),
        Some(false) => is_it::<FileHeader32<Endianness>>(file, head_bytes),
        None => None,
    }
    .unwrap_or(false)
}

/// What the file is; `None` where its headers are no ELF.
pub(super) fn read(file: &Partial) -> Option<Elf> {
    if class(file)? { read_as::<FileHeader64<Endianness>>(file) } else { read_as::<FileHeader32<Endianness>>(file) }
}

fn class(file: &Partial) -> Option<bool> {
    match file.read_bytes_at(0, 5).ok()? {
        [0x7f, b'E', b'L', b'F', 2] => Some(true),
        [0x7f, b'E', b'L', b'F', 1] => Some(false),
        _ => None,
    }
}

fn ranges_of<H: FileHeader<Endian = Endianness>>(file: &Partial) -> Option<Vec<Range<u64>>> {
    let header = H::parse(file).ok()?;
    let endian = header.endian().ok()?;
    let mut ranges = Vec::new();
    for segment in header.program_headers(endian, file).ok()? {
        let (offset, bytes) = segment.file_range(endian);
        let is_data = segment.p_flags(endian).0 & PF_W.0 != 0;
        match segment.p_type(endian) {
            PT_DYNAMIC | PT_INTERP => ranges.push(offset..offset.saturating_add(bytes)),
            PT_LOAD if bytes <= RANGE_LIMIT_BYTES => ranges.push(offset..offset.saturating_add(bytes)),
            PT_LOAD if is_data => ranges.push(offset..offset.saturating_add(DATA_BYTES)),
            _ => {}
        }
    }
    let sections = header.e_shoff(endian).into();
    let bytes = u64::from(header.e_shnum(endian)).saturating_mul(u64::from(header.e_shentsize(endian)));
    // What is only to be read from outside, as the list of a Rust program's packages, stands before the table.
    let before = RANGE_LIMIT_BYTES.saturating_sub(bytes);
    ranges.push(sections.saturating_sub(before)..sections.saturating_add(bytes));
    Some(ranges)
}

fn read_as<H: FileHeader<Endian = Endianness>>(file: &Partial) -> Option<Elf> {
    let header = H::parse(file).ok()?;
    let endian = header.endian().ok()?;
    let mut elf = Elf {
        is_64: header.is_class_64(),
        is_little: header.is_little_endian(),
        machine: header.e_machine(endian).0,
        is_loadable: matches!(header.e_type(endian), ET_EXEC | ET_DYN),
        go: file.ranges.iter().find_map(|(_, bytes)| go::find(bytes)),
        is_whole: true,
        ..Elf::default()
    };
    let Ok(segments) = header.program_headers(endian, file) else { return Some(Elf { is_whole: false, ..elf }) };
    if let Some(interpreter) = segments.iter().find(|segment| segment.p_type(endian) == PT_INTERP) {
        elf.interpreter = interpreter.interpreter(endian, file).ok().flatten().map(<[u8]>::to_vec);
        elf.is_whole = elf.interpreter.is_some();
    }
    let has_dynamic = segments.iter().any(|segment| segment.p_type(endian) == PT_DYNAMIC);
    if has_dynamic && dynamic::<H>(&mut elf, file, endian, segments).is_none() {
        elf.is_whole = false;
    }
    // Without a section table there is nothing to debug with, and no versions that could be checked.
    let _ = sections::<H>(&mut elf, file, header, endian);
    Some(elf)
}

/// Reads the dynamic segment, as a loader does.
fn dynamic<H: FileHeader<Endian = Endianness>>(
    elf: &mut Elf,
    file: &Partial,
    endian: Endianness,
    segments: &[H::ProgramHeader],
) -> Option<()> {
    let entries = segments.iter().find_map(|segment| segment.dynamic(endian, file).transpose())?.ok()?;
    let entries: Vec<(i64, u64)> = entries
        .iter()
        .map(|entry| (entry.d_tag(endian).0, entry.d_val(endian).into()))
        .take_while(|(tag, _)| *tag != 0)
        .collect();
    let value = |tag: i64| entries.iter().find(|(other, _)| *other == tag).map(|(_, value)| *value);
    let Some(address) = value(DT_STRTAB.0) else { return Some(()) };
    let start = offset::<H>(endian, segments, address)?;
    let names = StringTable::new(file, start, start.saturating_add(value(DT_STRSZ.0)?));
    let name = |at: u64| names.get(u32::try_from(at).ok()?).ok().map(<[u8]>::to_vec);
    let named = |tag: i64| value(tag).map_or(Some(None), |at| name(at).map(Some));
    let needed = entries.iter().filter(|(tag, _)| *tag == DT_NEEDED.0).take(LIST_LIMIT);
    elf.needed = needed.map(|(_, at)| name(*at)).collect::<Option<_>>()?;
    elf.soname = named(DT_SONAME.0)?;
    elf.rpath = named(DT_RPATH.0)?;
    elf.runpath = named(DT_RUNPATH.0)?;
    Some(())
}

/// Where in the file an address is loaded from.
fn offset<H: FileHeader<Endian = Endianness>>(
    endian: Endianness,
    segments: &[H::ProgramHeader],
    address: u64,
) -> Option<u64> {
    segments.iter().filter(|segment| segment.p_type(endian) == PT_LOAD).find_map(|segment| {
        let within = address.checked_sub(segment.p_vaddr(endian).into())?;
        let (offset, bytes) = segment.file_range(endian);
        (within < bytes).then(|| offset.checked_add(within)).flatten()
    })
}

/// Reads from the section table what is never loaded, and the versions of symbols.
fn sections<H: FileHeader<Endian = Endianness>>(
    elf: &mut Elf,
    file: &Partial,
    header: &H,
    endian: Endianness,
) -> Option<()> {
    let sections = header.section_headers(endian, file).ok()?;
    let names = |section: u32| sections.get(section as usize).and_then(|section| section.strings(endian, file).ok()?);
    for section in sections.iter().take(LIST_LIMIT) {
        let bytes: u64 = section.sh_size(endian).into();
        let is_loaded = section.sh_flags(endian).0 & SHF_ALLOC.0 != 0;
        // The name of the section would do, and of a large file is not at hand.
        let may_list = section.sh_type(endian) == SHT_PROGBITS && elf.crates.is_empty() && bytes <= RANGE_LIMIT_BYTES;
        if may_list && let Some(crates) = section.data(endian, file).ok().and_then(rust::read) {
            elf.crates = crates;
        }
        match section.sh_type(endian) {
            SHT_SYMTAB => elf.symbol_bytes = elf.symbol_bytes.saturating_add(bytes).min(file.bytes),
            SHT_PROGBITS | SHT_STRTAB if !is_loaded => {
                elf.debug_bytes = elf.debug_bytes.saturating_add(bytes).min(file.bytes);
            }
            _ => {}
        }
        if let Ok(Some((mut libraries, link))) = section.gnu_verneed(endian, file) {
            let names = names(link.0.try_into().ok()?)?;
            while let Ok(Some((library, mut versions))) = libraries.next() {
                let mut wanted = Vec::new();
                while let Ok(Some(version)) = versions.next() {
                    let is_weak = version.vna_flags.get(endian).0 & VER_FLG_WEAK.0 != 0;
                    wanted.extend(version.name(endian, names).ok().filter(|_| !is_weak).map(<[u8]>::to_vec));
                }
                elf.wanted.extend(library.file(endian, names).ok().map(|library| (library.to_vec(), wanted)));
                if elf.wanted.len() > LIST_LIMIT {
                    return None;
                }
            }
        }
        if let Ok(Some((mut versions, link))) = section.gnu_verdef(endian, file) {
            let names = names(link.0.try_into().ok()?)?;
            while let Ok(Some((version, mut spelled))) = versions.next() {
                let is_file = version.vd_flags.get(endian).0 & VER_FLG_BASE.0 != 0;
                let name = spelled.next().ok().flatten().and_then(|first| first.name(endian, names).ok());
                elf.provided.extend(name.filter(|_| !is_file).map(<[u8]>::to_vec));
                if elf.provided.len() > LIST_LIMIT {
                    return None;
                }
            }
        }
    }
    Some(())
}
