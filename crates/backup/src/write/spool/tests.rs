use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

fn limits(memory: usize, disk: u64) -> SpoolLimits {
    SpoolLimits {
        memory,
        disk,
        directory: std::env::temp_dir(),
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

fn push(writer: &SpoolWriter, bytes: &[u8]) -> Result<(), SpoolError> {
    block_on(writer.push(vec![Bytes::copy_from_slice(bytes)]))
}

#[test]
fn a_full_spool_is_an_error_and_never_a_wait() {
    let (writer, _reader) = spool(limits(4, 6));
    push(&writer, b"1234").unwrap();
    push(&writer, b"567890").unwrap();
    let error = push(&writer, b"1").unwrap_err();
    assert!(matches!(error, SpoolError::Full { bytes: 10 }), "{error:?}");
    assert_eq!(error.reason(), "SpoolFull");
}

#[test]
fn without_a_disk_memory_is_all_there_is() {
    let (writer, _reader) = spool(SpoolLimits {
        directory: PathBuf::from("/nonexistent"),
        ..limits(4, 0)
    });
    push(&writer, b"1234").unwrap();
    assert_eq!(push(&writer, b"5").unwrap_err().reason(), "SpoolFull");
}

#[test]
fn a_directory_that_is_missing_is_an_error_of_the_spool() {
    let (writer, _reader) = spool(SpoolLimits {
        directory: PathBuf::from("/nonexistent"),
        ..limits(1, 100)
    });
    push(&writer, b"1").unwrap();
    assert!(matches!(
        push(&writer, b"2").unwrap_err(),
        SpoolError::File {
            operation: "create",
            ..
        }
    ));
}

#[test]
fn the_spools_file_leaves_no_name_behind() {
    let directory = tempfile::tempdir().unwrap();
    let (writer, mut reader) = spool(SpoolLimits {
        directory: directory.path().into(),
        ..limits(1, 100)
    });
    push(&writer, b"1").unwrap();
    push(&writer, b"secret").unwrap();
    assert_eq!(
        std::fs::read_dir(directory.path()).unwrap().count(),
        0,
        "while it is in use"
    );
    assert_eq!(reader.next().unwrap().unwrap(), "1");
    assert_eq!(reader.next().unwrap().unwrap(), "secret");
}

#[test]
fn a_writer_that_gives_up_fails_the_reader_even_with_bytes_waiting_on_disk() {
    let (writer, mut reader) = spool(limits(1, 100));
    push(&writer, b"1").unwrap();
    push(&writer, b"2").unwrap();
    drop(writer);
    assert_eq!(reader.next().unwrap().unwrap(), "1");
    assert!(matches!(reader.next(), Err(ReadError::Interrupted)));
}

#[test]
fn a_reader_that_waits_is_woken_when_the_writer_gives_up() {
    let (writer, mut reader) = spool(limits(1, 100));
    let waiting = std::thread::spawn(move || reader.next().is_err());
    drop(writer);
    assert!(waiting.join().unwrap());
}

#[test]
fn a_writer_learns_that_the_reader_is_gone() {
    let (writer, reader) = spool(limits(10, 100));
    drop(reader);
    assert!(matches!(push(&writer, b"1"), Err(SpoolError::ReaderGone)));
}

#[derive(Debug, Clone)]
enum Op {
    Push(Vec<u8>),
    Read,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![3 => prop::collection::vec(any::<u8>(), 1..40).prop_map(Op::Push), 4 => Just(Op::Read)]
}

proptest! {
    #[test]
    fn bytes_come_out_in_the_order_they_went_in_through_memory_and_around_the_ring(ops in prop::collection::vec(op(), 0..200), memory in 1_usize..50, disk in 0_u64..100) {
        let (writer, mut reader) = spool(limits(memory, disk));
        let (mut put, mut got) = (Vec::new(), Vec::new());
        for op in ops {
            match op {
                Op::Push(bytes) => match push(&writer, &bytes) {
                    Ok(()) => put.extend(bytes),
                    Err(SpoolError::Full { bytes: waiting }) => prop_assert_eq!(waiting as usize, put.len() - got.len()),
                    Err(error) => prop_assert!(false, "{}", error),
                },
                Op::Read if got.len() < put.len() => got.extend(reader.next().unwrap().unwrap()),
                Op::Read => {}
            }
        }
        writer.finish();
        while let Some(bytes) = reader.next().unwrap() {
            got.extend(bytes);
        }
        prop_assert_eq!(got, put);
    }
}
