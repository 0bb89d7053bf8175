//! What is known when something failed.

use std::fmt::Write as _;

use super::Rig;
use crate::process;

impl Rig {
    /// Pods and events of every namespace, what describes pods that are not ready, and how the rig's logs end.
    pub fn diagnosis(&self) -> String {
        let mut text = String::new();
        for question in [
            "get pods,persistentvolumeclaims,jobs --all-namespaces --output wide",
            "get events --all-namespaces --sort-by=.lastTimestamp",
        ] {
            let _ = writeln!(text, "--- kubectl {question}\n{}", self.ask(question));
        }
        for log in [
            "kubelet",
            "containerd",
            "controller-manager",
            "scheduler",
            "coredns",
        ] {
            let log = self.folder.path().join(log).with_extension("log");
            let _ = writeln!(text, "--- {} ends with\n{}", log.display(), process::tail(&log));
        }
        text
    }

    /// What kubectl answers, or why it does not.
    fn ask(&self, question: &str) -> String {
        let words: Vec<_> = question.split(' ').collect();
        let answer = self.kubectl().and_then(|kubectl| kubectl.run(&words));
        answer.unwrap_or_else(|error| format!("{error:#}"))
    }
}
