//! The shared libraries that a program names, and those that the C library opens by itself.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};

/// How the C library looks up names, where that is not built into it (before glibc 2.34).
const BY_NAME: [&str; 3] = ["libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2"];

/// The files that the dynamic loader maps when `program` starts, the loader included; none for a static program.
pub(super) fn of(program: &Path) -> Result<Vec<PathBuf>> {
    let asked = Command::new("ldd").arg(program).output();
    let output =
        asked.context("start ldd, which comes with the C library (Debian: apt-get install libc-bin)")?;
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    if complaint.contains("not a dynamic executable") || said.contains("statically linked") {
        return Ok(Vec::new());
    }
    ensure!(
        output.status.success(),
        "ldd: {}{}",
        said.trim(),
        complaint.trim()
    );
    let mut libraries = parse(&said)?;
    let folder = libraries
        .iter()
        .find(|library| library.file_name().is_some_and(|name| name == "libc.so.6"))
        .and_then(|library| library.parent())
        .map(Path::to_path_buf);
    let opened = folder
        .iter()
        .flat_map(|folder| BY_NAME.map(|name| folder.join(name)))
        .filter(|path| path.is_file());
    libraries.extend(opened);
    Ok(libraries)
}

/// Reads `libc.so.6 => /lib/libc.so.6 (0x…)` and `/lib64/ld-linux-x86-64.so.2 (0x…)`; `linux-vdso.so.1 (0x…)` is no file.
fn parse(said: &str) -> Result<Vec<PathBuf>> {
    let mut libraries = Vec::new();
    for line in said.lines() {
        let file = line.split("=>").last().unwrap_or(line).trim();
        if file.starts_with("not found") {
            bail!("{}", line.trim());
        }
        if file.starts_with('/') {
            let end = file.rfind(" (").unwrap_or(file.len());
            libraries.push(PathBuf::from(&file[..end]));
        }
    }
    Ok(libraries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_read_from_what_ldd_prints_and_a_missing_one_is_an_error() {
        let said = "\tlinux-vdso.so.1 (0x00007ffd)\n\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f)\n\t/lib64/ld-linux-x86-64.so.2 (0x00007f)\n";
        assert_eq!(
            parse(said).unwrap(),
            [
                Path::new("/lib/x86_64-linux-gnu/libc.so.6"),
                Path::new("/lib64/ld-linux-x86-64.so.2")
            ]
        );
        let error = parse("\tlibodd.so.3 => not found\n").unwrap_err();
        assert_eq!(error.to_string(), "libodd.so.3 => not found");
    }

    #[test]
    fn this_program_names_the_c_library_and_its_loader() {
        let libraries = of(&std::env::current_exe().unwrap()).unwrap();
        let named = |part: &str| {
            libraries
                .iter()
                .any(|library| library.to_string_lossy().contains(part))
        };
        assert!(named("libc.") && named("ld-"), "{libraries:?}");
    }
}
