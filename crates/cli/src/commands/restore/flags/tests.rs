//! What is typed, and what the engine is asked for.

use clap::Parser;
use etcd_backup_snapshot::restore::{Expected, Source};

use super::*;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    flags: RestoreFlags,
}

fn parse(line: &str) -> Result<RestoreFlags, clap::Error> {
    let words = line.split_whitespace();
    Line::try_parse_from([""].into_iter().chain(words)).map(|line| line.flags)
}

fn opened() -> Opened {
    Opened {
        name: "backup.db".to_owned(),
        source: Source::Reader(Box::new(std::io::empty())),
        expected: Expected {
            size: Some(9),
            ..Expected::default()
        },
        fingerprint: Ok([7; 32]),
    }
}

fn request(line: &str) -> Request {
    let flags = parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    let request = flags.request(&opened());
    request.unwrap_or_else(|failure| panic!("{line}: {failure:?}"))
}

/// What is said of a line that is refused, by the grammar or by us.
fn refused(line: &str) -> String {
    match parse(line) {
        Err(error) => error.to_string(),
        Ok(flags) => match flags.request(&opened()) {
            Err(failure) => format!("{failure:?}"),
            Ok(request) => panic!("{line}: {request:?}"),
        },
    }
}

const THREE: &str = "--initial-cluster a=http://a:1,b=http://b:1,c=http://c:1";

#[test]
fn without_flags_it_is_etcdutls_default_member_with_raised_revisions_and_a_token_of_its_own() {
    let request = request("");
    let expected = Target {
        name: "default".to_owned(),
        data_dir: "default.etcd".into(),
        wal_dir: None,
    };
    assert_eq!(request.targets, [expected]);
    assert_eq!(
        request.cluster,
        InitialCluster::parse("default=http://localhost:2380").unwrap()
    );
    assert_eq!(request.token, None);
    assert_eq!((request.bump_revision, request.revision), (1_000_000_000, None));
    assert_eq!((request.missing_lease_ttl, request.target_version), (3600, None));
    assert_eq!(
        (request.alarms, request.existing),
        (Alarms::DropNoSpace, Existing::Refuse)
    );
    assert!(!request.skip_hash_check);
    assert_eq!(request.expected, opened().expected);
}

#[test]
fn every_flag_is_what_it_says() {
    let version = |minor| Some(EtcdVersion { major: 3, minor });
    assert_eq!(request("--bump-revision 0").bump_revision, 0);
    for kept in [
        "--bump-revision 0 --mark-compacted=false",
        "--bump-revision 0 --mark-compacted",
    ] {
        assert_eq!(request(kept).bump_revision, 0, "{kept}");
    }
    for raised in [
        "--bump-revision 5 --mark-compacted",
        "--bump-revision 5 --mark-compacted=true",
    ] {
        assert_eq!(request(raised).bump_revision, 5, "{raised}");
    }
    assert_eq!(request("--revision 123").revision, Some(123));
    assert_eq!(
        request("--revision 1 --missing-lease-ttl 60").missing_lease_ttl,
        60
    );
    assert_eq!(request("--target-version 3.6").target_version, version(6));
    assert_eq!(request("--target-version v3.5.30").target_version, version(5));
    // Runbooks for etcdutl write it either way.
    for (line, skipped) in [
        ("--skip-hash-check", true),
        ("--skip-hash-check=true", true),
        ("--skip-hash-check=false", false),
    ] {
        assert_eq!(request(line).skip_hash_check, skipped, "{line}");
    }
    for (word, alarms) in [
        ("drop-nospace", Alarms::DropNoSpace),
        ("drop", Alarms::Drop),
        ("keep", Alarms::Keep),
    ] {
        assert_eq!(request(&format!("--alarms {word}")).alarms, alarms);
    }
    let Existing::Replace { stamp } = request("--replace").existing else {
        panic!("--replace does not replace");
    };
    assert!(
        stamp.starts_with("20") && stamp.ends_with('Z') && !stamp.contains([':', '-']),
        "{stamp}"
    );
    assert_eq!(request("--initial-cluster-token t").token.as_deref(), Some("t"));
}

#[test]
fn members_are_named_with_their_directories() {
    let one = request(&format!("{THREE} --name b --data-dir /d --wal-dir /w"));
    assert_eq!(one.targets.len(), 1);
    assert_eq!(
        (&*one.targets[0].name, &one.targets[0].data_dir),
        ("b", &PathBuf::from("/d"))
    );
    assert_eq!(one.targets[0].wal_dir, Some("/w".into()));
    // An empty path is none, as for etcdutl.
    assert_eq!(request("--wal-dir=").targets[0].wal_dir, None);
    assert!(one.token.is_some_and(|token| token.starts_with("etcd-restore-")));

    let all = request(&format!("{THREE} --member a=/a --member b=/b --member c=/c=c"));
    let told: Vec<_> = all
        .targets
        .iter()
        .map(|target| (&*target.name, target.data_dir.to_str().unwrap()))
        .collect();
    assert_eq!(told, [("a", "/a"), ("b", "/b"), ("c", "/c=c")]);
    assert_eq!(all.token, None);
}

#[test]
fn peer_urls_are_those_of_the_one_member_that_is_restored() {
    for fits in ["--name b", "--member b=/b"] {
        request(&format!(
            "{THREE} {fits} --initial-advertise-peer-urls http://b:1"
        ));
        let said = refused(&format!(
            "{THREE} {fits} --initial-advertise-peer-urls http://a:1"
        ));
        assert!(said.contains('b') && !said.contains("default"), "{said}");
    }
    let said = refused(&format!(
        "{THREE} --member a=/a --member b=/b --initial-advertise-peer-urls http://a:1"
    ));
    assert!(said.contains("several are restored"), "{said}");
}

#[test]
fn what_contradicts_itself_is_refused() {
    for (line, word) in [
        ("--bump-revision 1 --mark-compacted=false", "--mark-compacted"),
        ("--name a --member a=/a", "--name"),
        ("--data-dir /d --member a=/a", "--data-dir"),
        ("--wal-dir /d --member a=/a", "--wal-dir"),
        ("--member a", "NAME=DIRECTORY"),
        ("--name other", "other"),
        ("--initial-cluster nonsense", "--initial-cluster"),
        ("--target-version three", "3.6"),
        ("--alarms some", "drop-nospace"),
        ("--missing-lease-ttl 0", "0"),
        ("--revision x", "--revision"),
    ] {
        let said = refused(line);
        assert!(said.contains(word), "{line}: {said}");
    }
}

#[test]
fn without_anything_to_make_a_token_of_one_has_to_be_given_for_some_members() {
    let some = format!("{THREE} --name a");
    let opened = Opened {
        fingerprint: Err("nothing tells it"),
        ..opened()
    };
    let asked = |line: &str| parse(line).unwrap().request(&opened);
    let failure = format!("{:?}", asked(&some).unwrap_err());
    assert!(
        failure.contains("nothing tells it") && failure.contains("--initial-cluster-token"),
        "{failure}"
    );
    assert_eq!(
        asked(&format!("{some} --initial-cluster-token t"))
            .unwrap()
            .token
            .as_deref(),
        Some("t")
    );
    assert_eq!(asked("").unwrap().token, None);
}
