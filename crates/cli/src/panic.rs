//! A panic says where it was and never what it said: the message may hold anything, a password or a key among it.
//!
//! The standard library's own hook prints the message to standard error, where it would go past every rule that keeps
//! secrets out of our log. Nothing else changes: what contains panics still does, and one that nobody contains ends
//! the process with 101.

use std::{
    io::{self, Write},
    panic::{self, PanicHookInfo},
    thread,
};

/// From now on panics are told by their place.
pub(crate) fn tell_only_where() {
    panic::set_hook(Box::new(tell));
}

fn tell(info: &PanicHookInfo<'_>) {
    let place = info.location().map_or_else(
        || "an unknown place".to_owned(),
        |at| format!("{}:{}", at.file(), at.line()),
    );
    let thread = thread::current();
    let thread = thread.name().unwrap_or("unnamed");
    if tracing::dispatcher::has_been_set() {
        tracing::error!(place, thread, "a panic, which is a bug; its message is not shown");
    } else {
        // The verbs that people type do not log. Nobody is left to be told when standard error is closed.
        let _ = writeln!(
            io::stderr(),
            "Error: a panic at {place} in the thread {thread}, which is a bug; its message is not shown"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::{
        env,
        process::{Command, Output},
    };

    use etcd_backup_operator::settings::LogFormat;

    use super::*;
    use crate::logs;

    /// What no output may hold.
    const SECRET: &str = "canary-in-a-panic-51bd";

    /// Runs the other half of a test, which changes what belongs to its whole process.
    fn child(name: &str) -> (Output, String) {
        let output = Command::new(env::current_exe().expect("this program"))
            .args([
                &format!("panic::tests::{name}"),
                "--exact",
                "--ignored",
                "--nocapture",
            ])
            .env("RUST_BACKTRACE", "full")
            .output()
            .expect("run a child");
        let written = [&output.stdout[..], &output.stderr[..]].concat();
        let written = String::from_utf8_lossy(&written).into_owned();
        assert!(
            written.contains("running 1 test"),
            "there is no such half: {written}"
        );
        (output, written)
    }

    #[test]
    fn a_panic_in_a_thread_is_logged_by_its_place_and_contained() {
        let (output, written) = child("a_worker_panics");
        assert!(output.status.success(), "{written}");
        assert!(!written.contains(SECRET), "{written}");
        let line = written.lines().find(|line| line.contains("\"level\":\"ERROR\""));
        let line: serde_json::Value = serde_json::from_str(line.expect(&written)).expect("a line of JSON");
        let place = line["place"].as_str().unwrap_or_default();
        assert!(place.starts_with("crates/cli/src/panic.rs:"), "{line}");
        assert_eq!(line["thread"], "worker", "{line}");
    }

    #[test]
    #[ignore = "the other half of a_panic_in_a_thread_is_logged_by_its_place_and_contained"]
    fn a_worker_panics() {
        logs::start(LogFormat::Json, "info").expect("log");
        tell_only_where();
        let worker = thread::Builder::new().name("worker".to_owned());
        let worker = worker
            .spawn(|| panic!("the password is {SECRET}"))
            .expect("a thread");
        assert!(worker.join().is_err());
    }

    #[test]
    fn a_panic_of_what_does_not_log_is_told_in_one_line() {
        let (output, written) = child("the_test_itself_panics");
        assert_eq!(output.status.code(), Some(101), "{written}");
        assert!(!written.contains(SECRET), "{written}");
        assert!(
            written.contains("Error: a panic at crates/cli/src/panic.rs:"),
            "{written}"
        );
    }

    #[test]
    #[ignore = "the other half of a_panic_of_what_does_not_log_is_told_in_one_line"]
    fn the_test_itself_panics() {
        tell_only_where();
        panic!("the password is {SECRET}");
    }
}
