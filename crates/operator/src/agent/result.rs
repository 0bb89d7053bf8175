//! What came of it.

use serde::{Deserialize, Serialize};

use crate::status::shortened;

/// The longest termination message that Kubernetes keeps (`kubelet`, `MaxContainerTerminationMessageLength`).
pub const LONGEST_RESULT: usize = 4096;

/// The longest text inside a result, so that all of it fits however much of it has to be escaped.
const LONGEST_TEXT: usize = 500;

/// What came of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all_fields = "camelCase")]
pub enum AgentResult {
    /// The new data waits beside the old, proved and on the disk.
    Prepared {
        /// Bytes of the database.
        bytes: u64,
        /// The revision that the new cluster starts at.
        revision: i64,
        /// What every member answers when asked for the HashKV of that revision.
        #[serde(default, rename = "hashKV", skip_serializing_if = "Option::is_none")]
        hash_kv: Option<u32>,
        /// Id of the new cluster, 16 hexadecimal digits.
        #[serde(rename = "clusterID")]
        cluster_id: String,
        /// Id of the member, 16 hexadecimal digits.
        #[serde(rename = "memberID")]
        member_id: String,
        /// What whoever starts the cluster should know.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
    /// The new data is in place.
    Committed {
        /// The name of what was there before, inside the data directory.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous: Option<String>,
    },
    /// Nothing of what was prepared is left.
    Discarded,
    /// A snapshot was restored in a drill.
    Drilled {
        /// Its revision.
        revision: i64,
        /// HashKV of what was restored, unless telling would have taken too much memory.
        #[serde(default, rename = "hashKV", skip_serializing_if = "Option::is_none")]
        hash_kv: Option<u32>,
        /// The manifest has a HashKV, and that is it.
        #[serde(default)]
        compared: bool,
        /// Version of the etcd that was started on it and answers the same.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        etcd: Option<String>,
    },
    /// A snapshot is in the store, and proved.
    Stored {
        /// The key of its manifest.
        key: String,
        /// The manifest itself, if it fits.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        manifest: Option<serde_json::Value>,
        /// The location of the store that it is in. Older agents do not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        location: Option<String>,
        /// Whose the place in the store was before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        taken_over: Option<String>,
    },
    /// It could not be done.
    Failed {
        /// Why, in one word.
        reason: String,
        /// Why, in a sentence.
        message: String,
        /// The stage of a snapshot in which that showed, as the metrics name it. Older agents do not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stage: Option<String>,
    },
}

impl AgentResult {
    /// The result as JSON of at most [`LONGEST_RESULT`] bytes.
    pub fn encode(&self) -> String {
        let mut short = self.clone();
        match &mut short {
            Self::Failed {
                reason,
                message,
                stage,
            } => {
                *reason = shortened(std::mem::take(reason), 128);
                *stage = stage.take().map(|stage| shortened(stage, 16));
                *message = shortened(std::mem::take(message), LONGEST_TEXT);
            }
            Self::Prepared {
                message: Some(message),
                ..
            } => *message = shortened(std::mem::take(message), LONGEST_TEXT),
            Self::Committed {
                previous: Some(previous),
            } => *previous = shortened(std::mem::take(previous), LONGEST_TEXT),
            Self::Drilled { etcd: Some(etcd), .. } => *etcd = shortened(std::mem::take(etcd), 64),
            Self::Stored {
                taken_over: Some(from),
                ..
            } => *from = shortened(std::mem::take(from), LONGEST_TEXT),
            Self::Prepared { .. }
            | Self::Committed { .. }
            | Self::Discarded
            | Self::Drilled { .. }
            | Self::Stored { .. } => {}
        }
        // A struct of texts and numbers always has a JSON form.
        let text = serde_json::to_string(&short).unwrap_or_default();
        match &mut short {
            Self::Stored {
                manifest, location, ..
            } if text.len() > LONGEST_RESULT => {
                // Whoever needs it reads it from the store, and knows then which that is.
                (*manifest, *location) = (None, None);
                serde_json::to_string(&short).unwrap_or_default()
            }
            _ => text,
        }
    }

    /// The result that a termination message holds, `None` when it holds something else.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text.trim()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_result_is_read_as_it_was_written() {
        for result in [
            AgentResult::Prepared {
                bytes: 1,
                revision: 2,
                hash_kv: Some(3),
                cluster_id: "a".into(),
                member_id: "b".into(),
                message: Some("c".into()),
            },
            AgentResult::Committed { previous: None },
            AgentResult::Discarded,
            AgentResult::Drilled {
                revision: 2,
                hash_kv: Some(3),
                compared: true,
                etcd: Some("3.6.14".into()),
            },
            AgentResult::Stored {
                key: "ns/plan/c/r/manifest.json".into(),
                manifest: Some(serde_json::json!({"revision": 7})),
                location: Some("s3://bucket/prefix".into()),
                taken_over: None,
            },
            AgentResult::Failed {
                reason: "NoSuchBucket".into(),
                message: "it is gone".into(),
                stage: Some("write".into()),
            },
        ] {
            assert_eq!(AgentResult::parse(&result.encode()), Some(result));
        }
        assert_eq!(AgentResult::parse("Segmentation fault"), None);
    }

    #[test]
    fn a_manifest_that_is_too_long_is_left_to_the_store() {
        let result = AgentResult::Stored {
            key: "k".repeat(700),
            manifest: Some(serde_json::json!({"etcd": "x".repeat(4000)})),
            location: Some(format!("s3://{}", "b".repeat(1100))),
            taken_over: Some("\u{1}".repeat(9000)),
        };
        let text = result.encode();
        assert!(text.len() <= LONGEST_RESULT, "{}", text.len());
        assert!(matches!(AgentResult::parse(&text),
            Some(AgentResult::Stored { key, manifest: None, .. }) if key.len() == 700));
    }

    #[test]
    fn a_result_always_fits_into_a_termination_message() {
        let result = AgentResult::Failed {
            reason: "\u{1}".repeat(9000),
            message: "\u{1}".repeat(9000),
            stage: Some("\u{1}".repeat(9000)),
        };
        let text = result.encode();
        assert!(text.len() <= LONGEST_RESULT, "{}", text.len());
        assert!(AgentResult::parse(&text).is_some());
    }

    #[test]
    fn a_failure_is_read_from_agents_of_other_releases_too() {
        let failed = |stage: Option<&str>| AgentResult::Failed {
            reason: "NoSuchBucket".into(),
            message: "it is gone".into(),
            stage: stage.map(str::to_owned),
        };
        let earlier = r#"{"result":"Failed","reason":"NoSuchBucket","message":"it is gone"}"#;
        assert_eq!(AgentResult::parse(earlier), Some(failed(None)));
        assert_eq!(failed(None).encode(), earlier);
        let later =
            r#"{"result":"Failed","reason":"NoSuchBucket","message":"it is gone","stage":"seal","more":1}"#;
        assert_eq!(AgentResult::parse(later), Some(failed(Some("seal"))));
    }
}
