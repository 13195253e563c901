//! Which machines a platform runs programs of.

use object::elf::{EM_386, EM_AARCH64, EM_ARM, EM_LOONGARCH, EM_MIPS, EM_PPC64, EM_RISCV, EM_S390, EM_X86_64, Machine};

use super::finding::{Stop, unknown};
use crate::oci::Platform;

/// `e_machine` of what the kernels of a platform run, the platform's own first.
///
/// # Errors
/// When the platform is not Linux or not known.
pub(super) fn of(platform: &Platform) -> Result<&'static [u16], Stop> {
    const AMD64: &[u16] = &[EM_X86_64.0, EM_386.0];
    const ARM64: &[u16] = &[EM_AARCH64.0, EM_ARM.0];
    let refused = |what: String| Err(unknown("start-platform-unknown", what));
    if platform.os != "linux" {
        return refused(format!("images of {platform} are not looked into"));
    }
    Ok(match &*platform.architecture {
        "amd64" => AMD64,
        "arm64" => ARM64,
        "386" => &[EM_386.0],
        "arm" => &[EM_ARM.0],
        "riscv64" => &[EM_RISCV.0],
        "ppc64le" | "ppc64" => &[EM_PPC64.0],
        "s390x" => &[EM_S390.0],
        "loong64" => &[EM_LOONGARCH.0],
        "mips64le" | "mips64" | "mipsle" | "mips" => &[EM_MIPS.0],
        _ => return refused(format!("the machine of {platform} is not known")),
    })
}

/// What people call a machine.
pub(super) fn name(machine: u16) -> String {
    match Machine(machine) {
        EM_X86_64 => "amd64".to_owned(),
        EM_386 => "386".to_owned(),
        EM_AARCH64 => "arm64".to_owned(),
        EM_ARM => "arm".to_owned(),
        EM_RISCV => "riscv".to_owned(),
        EM_PPC64 => "ppc64".to_owned(),
        EM_S390 => "s390x".to_owned(),
        EM_LOONGARCH => "loong64".to_owned(),
        EM_MIPS => "mips".to_owned(),
        Machine(number) => format!("machine {number}"),
    }
}

/// What Linux calls a machine (`AT_PLATFORM`), for which `$PLATFORM` stands in a search path.
pub(super) fn kernel_name(machine: u16) -> &'static str {
    match Machine(machine) {
        EM_X86_64 => "x86_64",
        EM_386 => "i686",
        EM_AARCH64 => "aarch64",
        EM_ARM => "v7l",
        _ => "",
    }
}

/// The directories of Debian's multiarch for a machine.
pub(super) fn triplets(machine: u16) -> &'static [&'static str] {
    match Machine(machine) {
        EM_X86_64 => &["x86_64-linux-gnu"],
        EM_386 => &["i386-linux-gnu", "i686-linux-gnu"],
        EM_AARCH64 => &["aarch64-linux-gnu"],
        EM_ARM => &["arm-linux-gnueabihf", "arm-linux-gnueabi"],
        EM_RISCV => &["riscv64-linux-gnu"],
        EM_PPC64 => &["powerpc64le-linux-gnu", "powerpc64-linux-gnu"],
        EM_S390 => &["s390x-linux-gnu"],
        EM_LOONGARCH => &["loongarch64-linux-gnu"],
        EM_MIPS => &["mips64el-linux-gnuabi64", "mipsel-linux-gnu", "mips-linux-gnu"],
        _ => &[],
    }
}
