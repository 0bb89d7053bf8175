//! Writes the custom resource definitions into a folder: `crdgen crds`.

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        return complain("usage: crdgen FOLDER");
    };
    let files = match etcd_backup_api::manifests::files() {
        Ok(files) => files,
        Err(error) => return complain(&error.to_string()),
    };
    for (name, content) in files {
        let path = folder.join(name);
        if let Err(error) = std::fs::write(&path, content) {
            return complain(&format!("writing {}: {error}", path.display()));
        }
    }
    ExitCode::SUCCESS
}

#[expect(clippy::print_stderr, reason = "a command speaks to the person who typed it")]
fn complain(message: &str) -> ExitCode {
    eprintln!("{message}");
    ExitCode::FAILURE
}
