//! Every model on loom, and with each fault that loom has to find in it.
#![forbid(unsafe_code)]

mod faults;

use faults::assert_found;
use isotonic_shm_models::mutation::Mutation::{self, *};
use isotonic_shm_models::mutation::Word::*;
use isotonic_shm_models::on_loom::{Extent, explore, scenarios};
use std::env;

const DATA_RACE: &str = "Causality violation: Concurrent read and write accesses";
const LOST_WAKE_UP: &str = "deadlock";
const IMPOSSIBLE_INDEX: &str = "a correct index: Produced";
const LOST_BYTES: &str = "bytes that came before the close";

/// How often threads are interrupted in the models that are too large for every interleaving.
fn few_preemptions() -> Extent {
    let preemptions = env::var("ISOTONIC_PREEMPTIONS").map_or(3, |number| {
        number.parse().expect("ISOTONIC_PREEMPTIONS is a number")
    });
    Extent::Preemptions(preemptions)
}

fn assert_each_found(faults: &[(Mutation, &str)], scenario: fn()) {
    for (fault, expected) in faults {
        assert_found(*fault, expected, || {
            explore(Extent::Complete, scenario);
        });
    }
}

#[test]
fn bytes_arrive_as_they_were_written() {
    explore(Extent::Complete, || scenarios::publish_and_consume(4));
}

#[test]
fn faults_in_publishing_are_found() {
    let faults = [
        (PublishedRelaxed(Produced), DATA_RACE),
        (PublishedRelaxed(Consumed), DATA_RACE),
        (AcquireFenceLeftOut(Produced), DATA_RACE),
        (AcquireFenceLeftOut(Consumed), DATA_RACE),
        (PublishedBeforeWritten, DATA_RACE),
        (OneByteTooMany, IMPOSSIBLE_INDEX),
    ];
    assert_each_found(&faults, || scenarios::publish_and_consume(4));
}

#[test]
fn a_sleeping_reader_is_woken() {
    explore(Extent::Complete, || scenarios::sleeping_reader(2));
    explore(few_preemptions(), || scenarios::sleeping_reader(3));
}

#[test]
fn faults_in_the_doorbell_for_data_are_found() {
    let faults = [
        (FullFenceLeftOut(ReaderSleep), LOST_WAKE_UP),
        (FullFenceLeftOut(Produced), LOST_WAKE_UP),
        (SecondLookLeftOut, LOST_WAKE_UP),
        (PublishedRelaxed(Produced), DATA_RACE),
        (AcquireFenceLeftOut(Produced), DATA_RACE),
    ];
    assert_each_found(&faults, || scenarios::sleeping_reader(2));
}

#[test]
fn a_sleeping_writer_is_woken() {
    explore(Extent::Complete, || scenarios::sleeping_writer(3));
    explore(few_preemptions(), || scenarios::sleeping_writer(4));
}

#[test]
fn faults_in_the_doorbell_for_space_are_found() {
    let faults = [
        (FullFenceLeftOut(WriterSleep), LOST_WAKE_UP),
        (FullFenceLeftOut(Consumed), LOST_WAKE_UP),
        (SecondLookLeftOut, LOST_WAKE_UP),
        (PublishedRelaxed(Consumed), DATA_RACE),
        (AcquireFenceLeftOut(Consumed), DATA_RACE),
        (OneByteTooMany, DATA_RACE),
    ];
    assert_each_found(&faults, || scenarios::sleeping_writer(3));
}

#[test]
fn a_close_comes_after_the_last_byte() {
    explore(Extent::Complete, || {
        scenarios::close_to_a_sleeping_reader(1)
    });
    explore(few_preemptions(), || {
        scenarios::close_to_a_sleeping_reader(2)
    });
}

#[test]
fn faults_in_closing_are_found() {
    let faults = [
        (ClosedBeforeWritten, LOST_BYTES),
        (EndedWithoutLooking, LOST_BYTES),
        (EndForgotten, LOST_WAKE_UP),
        (PublishedRelaxed(Produced), DATA_RACE),
        (AcquireFenceLeftOut(Produced), DATA_RACE),
    ];
    assert_each_found(&faults, || scenarios::close_to_a_sleeping_reader(1));
}

#[test]
fn a_sleeping_writer_hears_that_its_reader_left() {
    explore(Extent::Complete, || {
        scenarios::reader_leaves_a_sleeping_writer(1)
    });
    explore(few_preemptions(), || {
        scenarios::reader_leaves_a_sleeping_writer(2)
    });
}

#[test]
fn faults_in_leaving_are_found() {
    let faults = [
        (EndForgotten, LOST_WAKE_UP),
        (PublishedRelaxed(Consumed), DATA_RACE),
        (AcquireFenceLeftOut(Consumed), DATA_RACE),
    ];
    assert_each_found(&faults, || scenarios::reader_leaves_a_sleeping_writer(1));
}

#[test]
fn both_tasks_of_a_side_are_woken() {
    explore(few_preemptions(), || scenarios::two_tasks_on_one_socket(1));
}

#[test]
fn faults_in_sharing_a_socket_are_found() {
    let faults = [
        (OneTaskWoken, LOST_WAKE_UP),
        (FullFenceLeftOut(ReaderSleep), LOST_WAKE_UP),
        (FullFenceLeftOut(WriterSleep), LOST_WAKE_UP),
        (FullFenceLeftOut(Produced), LOST_WAKE_UP),
        (FullFenceLeftOut(Consumed), LOST_WAKE_UP),
    ];
    for (fault, expected) in faults {
        assert_found(fault, expected, || {
            explore(few_preemptions(), || scenarios::two_tasks_on_one_socket(1));
        });
    }
}
