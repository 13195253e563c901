//! Small ELF files for tests: as much of one as a loader looks at, written field by field.

/// What an ELF file is to say. All numbers are stored little end first.
#[derive(Debug, Clone)]
pub(crate) struct TestElf {
    pub(crate) machine: u16,
    pub(crate) is_64: bool,
    /// `ET_EXEC` 2, `ET_DYN` 3, `ET_REL` 1.
    pub(crate) kind: u16,
    pub(crate) interpreter: Option<&'static str>,
    pub(crate) needed: Vec<&'static str>,
    pub(crate) soname: Option<&'static str>,
    pub(crate) rpath: Option<&'static str>,
    pub(crate) runpath: Option<&'static str>,
    /// Library and versions.
    pub(crate) wanted: Vec<(&'static str, Vec<&'static str>)>,
    pub(crate) provided: Vec<&'static str>,
    /// Bytes of names of symbols, which stand before all others.
    pub(crate) symbol_names: usize,
    /// Bytes between the names and the dynamic segment, as code and data are.
    pub(crate) padding: Vec<u8>,
}

pub(crate) const X86_64: u16 = 62;
pub(crate) const AARCH64: u16 = 183;
pub(crate) const ARM: u16 = 40;

/// A static program.
pub(crate) fn program(machine: u16) -> TestElf {
    TestElf {
        machine,
        is_64: machine != ARM,
        kind: 2,
        interpreter: None,
        needed: Vec::new(),
        soname: None,
        rpath: None,
        runpath: None,
        wanted: Vec::new(),
        provided: Vec::new(),
        symbol_names: 0,
        padding: Vec::new(),
    }
}

/// A dynamic program.
pub(crate) fn dynamic(machine: u16, interpreter: &'static str, needed: &[&'static str]) -> TestElf {
    TestElf { kind: 3, interpreter: Some(interpreter), needed: needed.to_vec(), ..program(machine) }
}

/// A library.
pub(crate) fn library(machine: u16, needed: &[&'static str]) -> TestElf {
    TestElf { kind: 3, needed: needed.to_vec(), ..program(machine) }
}

struct Names(Vec<u8>);

impl Names {
    fn add(&mut self, name: &str) -> u64 {
        let at = self.0.len() as u64;
        self.0.extend(name.as_bytes());
        self.0.push(0);
        at
    }
}

impl TestElf {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut names = Names([vec![b'_'; self.symbol_names], vec![0]].concat());
        let mut entries: Vec<(u64, u64)> = self.needed.iter().map(|name| (1, names.add(name))).collect();
        entries.extend(self.soname.map(|name| (14, names.add(name))));
        entries.extend(self.rpath.map(|path| (15, names.add(path))));
        entries.extend(self.runpath.map(|path| (29, names.add(path))));
        let (wanted, provided) = (self.wanted(&mut names), self.provided(&mut names));

        let (header_bytes, segment_bytes, section_bytes) = if self.is_64 { (64, 56, 64) } else { (52, 32, 40) };
        let interpreter: Vec<u8> = self.interpreter.iter().flat_map(|path| [path.as_bytes(), b"\0"].concat()).collect();
        let start = header_bytes + 3 * segment_bytes;
        let names_at = start + interpreter.len() as u64;
        let wanted_at = names_at + names.0.len() as u64;
        let provided_at = wanted_at + wanted.len() as u64;
        let dynamic_at = provided_at + (provided.len() + self.padding.len()) as u64;
        entries.extend([(5, names_at), (10, names.0.len() as u64), (0, 0)]);
        let dynamic: Vec<u8> =
            entries.iter().flat_map(|(tag, value)| [self.word(*tag), self.word(*value)].concat()).collect();
        let has_dynamic = entries.len() > 3 || self.interpreter.is_some() || self.kind == 3;
        let sections_at = dynamic_at + dynamic.len() as u64;

        let mut elf = vec![0x7f, b'E', b'L', b'F', if self.is_64 { 2 } else { 1 }, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        elf.extend(self.kind.to_le_bytes());
        elf.extend(self.machine.to_le_bytes());
        elf.extend(1u32.to_le_bytes());
        elf.extend([self.word(0), self.word(header_bytes), self.word(sections_at)].concat());
        elf.extend(0u32.to_le_bytes());
        for half in [header_bytes, segment_bytes, 3, section_bytes, 5, 0] {
            elf.extend(u16::try_from(half).unwrap().to_le_bytes());
        }
        let interpreter_kind = if self.interpreter.is_some() { 3 } else { 0 };
        elf.extend(self.segment(interpreter_kind, start, interpreter.len() as u64));
        elf.extend(self.segment(if has_dynamic { 2 } else { 0 }, dynamic_at, dynamic.len() as u64));
        elf.extend(self.segment(1, 0, sections_at));
        for part in [&interpreter, &names.0, &wanted, &provided, &self.padding, &dynamic] {
            elf.extend(part);
        }
        elf.extend(self.section(0, 0, 0, 0));
        elf.extend(self.section(3, names_at, names.0.len() as u64, 0));
        elf.extend(self.section(0x6fff_fffe, wanted_at, wanted.len() as u64, 1));
        elf.extend(self.section(0x6fff_fffd, provided_at, provided.len() as u64, 1));
        elf.extend(self.section(1, provided_at + provided.len() as u64, self.padding.len() as u64, 0));
        elf
    }

    fn word(&self, value: u64) -> Vec<u8> {
        let bytes = value.to_le_bytes();
        if self.is_64 { bytes.to_vec() } else { bytes[..4].to_vec() }
    }

    fn segment(&self, kind: u32, offset: u64, bytes: u64) -> Vec<u8> {
        let word = |value| self.word(value);
        let (kind, flags) = (kind.to_le_bytes().to_vec(), 4u32.to_le_bytes().to_vec());
        let place = [word(offset), word(offset), word(offset), word(bytes), word(bytes)].concat();
        if self.is_64 { [kind, flags, place, word(1)].concat() } else { [kind, place, flags, word(1)].concat() }
    }

    fn section(&self, kind: u32, offset: u64, bytes: u64, link: u32) -> Vec<u8> {
        let kind = if bytes == 0 && kind != 3 { 0u32 } else { kind };
        let head = [0u32.to_le_bytes(), kind.to_le_bytes()].concat();
        let place = [self.word(2), self.word(offset), self.word(offset), self.word(bytes)].concat();
        let tail = [link.to_le_bytes(), 1u32.to_le_bytes()].concat();
        [head, place, tail, self.word(1), self.word(0)].concat()
    }

    /// `Verneed` and `Vernaux`.
    fn wanted(&self, names: &mut Names) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (index, (library, versions)) in self.wanted.iter().enumerate() {
            let next = if index + 1 < self.wanted.len() { 16 + 16 * versions.len() } else { 0 };
            bytes.extend(1u16.to_le_bytes());
            bytes.extend(u16::try_from(versions.len()).unwrap().to_le_bytes());
            for field in [names.add(library), 16, next as u64] {
                bytes.extend(u32::try_from(field).unwrap().to_le_bytes());
            }
            for (index, version) in versions.iter().enumerate() {
                let next = if index + 1 < versions.len() { 16 } else { 0 };
                bytes.extend([0, 0, 0, 0, 0, 0, 2, 0]);
                for field in [names.add(version), next] {
                    bytes.extend(u32::try_from(field).unwrap().to_le_bytes());
                }
            }
        }
        bytes
    }

    /// `Verdef` and `Verdaux`.
    fn provided(&self, names: &mut Names) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (index, version) in self.provided.iter().enumerate() {
            let next = if index + 1 < self.provided.len() { 28u32 } else { 0 };
            for half in [1u16, 0, 2, 1] {
                bytes.extend(half.to_le_bytes());
            }
            for field in [0, 20, next, u32::try_from(names.add(version)).unwrap(), 0] {
                bytes.extend(field.to_le_bytes());
            }
        }
        bytes
    }
}
