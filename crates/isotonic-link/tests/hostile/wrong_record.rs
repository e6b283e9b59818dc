//! Descriptors where no record declares one, and too many of them where one does. Each that we kept would
//! be one less for others; each that we took for a segment would have been meant for something else.

use crate::alone::alone;
use crate::echo_server::survives;
use crate::raw_peer::{
    ATTACH, ATTACHED, CLOSE, DATA, DOORBELL, HEADER_LEN, MOST_DESCRIPTORS, MOVED, REFUSED, RawPeer,
    attachment, close, record,
};
use crate::segments::{CAPACITY, good_segment};
use crate::stages::{ClientStage, ServerStage, a_client_closes, a_server_closes};
use isotonic_link::LinkKind;
use rustix::fs::OFlags;
use std::collections::HashMap;
use std::fs::read_link;
use std::os::fd::AsFd;
use std::path::PathBuf;

/// Every record that carries no descriptor, as it would be right otherwise.
fn without_descriptors() -> [Vec<u8>; 5] {
    [
        record(DATA, b"x"),
        record(DOORBELL, &[]),
        record(MOVED, &[]),
        record(REFUSED, &[1, 0, 0, 0, 0, 0, 0, 0]),
        close(0),
    ]
}

fn send_with_segments(peer: &RawPeer, bytes: &[u8], count: usize) {
    let segment = good_segment();
    peer.send_with(bytes, &vec![segment.as_fd(); count]);
}

/// One descriptor is noticed after its record, which may end the link before: a close does, and so does a
/// refusal for a client that requires shared memory.
fn ends_a_link(record: &[u8]) -> bool {
    record[0] == CLOSE || record[0] == REFUSED
}

#[test]
fn a_server_closes_at_a_descriptor_with_a_record_that_declares_none() {
    for stage in ClientStage::ALL {
        for record in without_descriptors() {
            println!("{stage:?}: {record:?}");
            if !ends_a_link(&record) {
                a_server_closes(stage, |client| send_with_segments(client, &record, 1));
            }
            for count in [2, 3, MOST_DESCRIPTORS] {
                a_server_closes(stage, |client| send_with_segments(client, &record, count));
            }
        }
    }
}

#[test]
fn a_client_closes_at_a_descriptor_with_a_record_that_declares_none() {
    for stage in ServerStage::ALL {
        for record in without_descriptors() {
            println!("{stage:?}: {record:?}");
            for count in [1, 2, 3, MOST_DESCRIPTORS] {
                if count > 1 || !ends_a_link(&record) {
                    let record = record.clone();
                    a_client_closes(stage, move |server| {
                        send_with_segments(server, &record, count);
                    });
                }
            }
        }
    }
}

#[test]
fn a_descriptor_with_a_record_that_ends_the_link_is_not_kept() {
    for ending in [close(0), record(REFUSED, &[1, 0, 0, 0, 0, 0, 0, 0])] {
        alone(|| {
            survives(async |server, client| {
                client.shake_hands();
                send_with_segments(&client, &ending, 1);
                client.is_closed_by_the_other_side();
                server.next_end().await;
            })
        });
    }
}

#[test]
fn more_descriptors_than_an_offer_or_its_answer_declares_close_the_connection() {
    for count in [2, 3, 4, MOST_DESCRIPTORS] {
        let attach = attachment(ATTACH, CAPACITY);
        a_server_closes(ClientStage::Greeted, |client| {
            send_with_segments(client, &attach, count);
        });
        let attached = attachment(ATTACHED, CAPACITY);
        a_client_closes(ServerStage::Offered, move |server| {
            send_with_segments(server, &attached, count);
        });
    }
}

#[test]
fn a_descriptor_within_a_record_that_declares_none_closes_the_connection() {
    let split = |stage: ClientStage, bytes: Vec<u8>, at: usize| {
        a_server_closes(stage, |client| {
            client.send(&bytes[..at]);
            send_with_segments(client, &bytes[at..], 1);
        });
        a_server_closes(stage, |client| {
            send_with_segments(client, &bytes[..at], 1);
            // It need not wait for the rest to see that the record declares none.
            client.is_closed_by_the_other_side();
        });
    };
    for at in [1, HEADER_LEN, HEADER_LEN + 2] {
        split(ClientStage::Greeted, record(DATA, b"data"), at);
    }
    split(ClientStage::Greeted, record(DOORBELL, &[]), 3);
    split(ClientStage::InMemory, record(DOORBELL, &[]), 7);
}

#[test]
fn an_offer_may_be_cut_anywhere_after_the_byte_that_its_descriptor_comes_with() {
    let offer = attachment(ATTACH, CAPACITY);
    for at in 1..offer.len() {
        alone(|| {
            survives(async |server, client| {
                client.shake_hands();
                send_with_segments(&client, &offer[..at], 1);
                client.send(&offer[at..]);
                let attached = client.receive_step();
                assert_eq!((attached.kind, attached.descriptors.len()), (ATTACHED, 1));
                drop((client, attached));
                server.next_end().await;
            })
        });
    }
}

#[test]
fn a_descriptor_one_record_early_closes_the_connection() {
    a_server_closes(ClientStage::Greeted, |client| {
        send_with_segments(client, &record(DOORBELL, &[]), 1);
        // The server may have closed already.
        let _ = client.try_send_with(&attachment(ATTACH, CAPACITY), &[]);
    });
    a_client_closes(ServerStage::Offered, |server| {
        send_with_segments(server, &record(DOORBELL, &[]), 1);
        let _ = server.try_send_with(&attachment(ATTACHED, CAPACITY), &[]);
    });
}

#[test]
fn a_descriptor_that_comes_with_the_bytes_before_its_record_is_found() {
    alone(|| {
        survives(async |server, client| {
            client.shake_hands();
            let both = [record(DATA, b"before"), attachment(ATTACH, CAPACITY)].concat();
            send_with_segments(&client, &both, 1);
            let mut kinds = [client.receive_step().kind, client.receive_step().kind];
            kinds.sort();
            assert_eq!(kinds, [DATA, ATTACHED]);
            drop(client);
            server.next_end().await;
        })
    });
}

#[test]
fn two_offers_in_one_message_close_the_connection() {
    let two = attachment(ATTACH, CAPACITY).repeat(2);
    for count in [0, 1, 2] {
        a_server_closes(ClientStage::Greeted, |client| {
            send_with_segments(client, &two, count)
        });
    }
    let two = attachment(ATTACHED, CAPACITY).repeat(2);
    for count in [0, 2] {
        let two = two.clone();
        a_client_closes(ServerStage::Offered, move |server| {
            send_with_segments(server, &two, count)
        });
    }
}

/// A descriptor of this process.
struct Open {
    file: PathBuf,
    is_closed_on_exec: bool,
}

/// By number. What is closed meanwhile is left out.
fn open_files() -> HashMap<String, Open> {
    let entries = std::fs::read_dir("/proc/self/fd").unwrap();
    let files = entries.filter_map(|entry| {
        let number = entry.unwrap().file_name().into_string().unwrap();
        let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{number}")).ok()?;
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
        let flags = u32::from_str_radix(flags.unwrap().trim(), 8).unwrap();
        let open = Open {
            file: read_link(format!("/proc/self/fd/{number}")).ok()?,
            is_closed_on_exec: flags & OFlags::CLOEXEC.bits() != 0,
        };
        Some((number, open))
    });
    files.collect()
}

/// A program that the server starts meanwhile must inherit neither a connection, whose end would be hidden
/// by that, nor a peer's descriptor.
#[test]
fn nothing_that_a_connection_opens_passes_to_other_programs() {
    /// As the kernel names what `good_segment` makes.
    const SEGMENT: &str = "/memfd:hostile (deleted)";
    alone(|| {
        survives(async |server, client| {
            let before = open_files();
            client.shake_hands();
            // Received, and kept until the rest of its record comes.
            send_with_segments(&client, &attachment(ATTACH, CAPACITY)[..9], 1);
            let pending = crate::patience::within("the descriptor to be received", async {
                loop {
                    let mut new = open_files();
                    new.retain(|number, _| !before.contains_key(number));
                    if new.values().any(|open| open.file.starts_with(SEGMENT)) {
                        return new;
                    }
                    tokio::task::yield_now().await;
                }
            });
            for open in pending.await.values() {
                assert!(open.is_closed_on_exec, "{:?}", open.file);
            }
            client.send(&attachment(ATTACH, CAPACITY)[9..]);
            assert_eq!(client.receive_step().kind, ATTACHED);
            drop(client);
            assert_eq!(server.next_end().await.link.kind(), LinkKind::Uds);
        })
    });
}
