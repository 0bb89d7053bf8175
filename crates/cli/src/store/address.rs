//! Where snapshots lie: a file, a directory or a bucket.

use std::{path::PathBuf, str::FromStr};

/// A file, or a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// A plain file.
    File(PathBuf),
    /// A store in a directory.
    Directory(PathBuf),
    /// A store in a bucket.
    S3 {
        /// The bucket.
        bucket: String,
        /// What stands before every key; may be empty.
        prefix: String,
    },
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return match text {
                "" => Err("name a file".to_owned()),
                "-" => Err("a snapshot is proved only at its end, so it is not written to standard output: name a file".to_owned()),
                path => Ok(Self::File(path.into())),
            };
        };
        match (scheme, rest.split_once('/').unwrap_or((rest, ""))) {
            ("s3", ("", _)) => Err("s3:// needs a bucket: s3://bucket/prefix".to_owned()),
            ("s3", (bucket, prefix)) => Ok(Self::S3 {
                bucket: bucket.to_owned(),
                prefix: prefix.trim_matches('/').to_owned(),
            }),
            ("file", ("", path)) => Ok(Self::Directory(format!("/{path}").into())),
            ("file", _) => Err("file:// needs an absolute path: file:///directory".to_owned()),
            _ => Err(format!(
                "{scheme}:// is not known: give a file, file:///directory or s3://bucket/prefix"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_directories_and_buckets_are_told_apart() {
        let s3 = |bucket: &str, prefix: &str| Address::S3 {
            bucket: bucket.into(),
            prefix: prefix.into(),
        };
        for (text, expected) in [
            ("backup.db", Address::File("backup.db".into())),
            ("/a/b:c.db", Address::File("/a/b:c.db".into())),
            ("file:///a/b", Address::Directory("/a/b".into())),
            ("s3://bucket", s3("bucket", "")),
            ("s3://bucket/", s3("bucket", "")),
            ("s3://bucket/a/b/", s3("bucket", "a/b")),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
        for wrong in [
            "",
            "-",
            "s3://",
            "s3:///prefix",
            "file://relative",
            "gs://bucket",
            "https://bucket",
        ] {
            assert!(wrong.parse::<Address>().is_err(), "{wrong}");
        }
    }
}
