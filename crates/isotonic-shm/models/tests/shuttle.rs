//! Every model on shuttle with more bytes than loom could take, and with each fault that shows without
//! a weak memory.
#![forbid(unsafe_code)]

mod faults;

use faults::assert_found;
use isotonic_shm_models::mutation::Mutation::{self, *};
use isotonic_shm_models::on_shuttle::{run, scenarios};
use std::env;

const WRONG_BYTES: &str = "bytes as they were written";
const IMPOSSIBLE_INDEX: &str = "a correct index: Produced";
const LOST_WAKE_UP: &str = "deadlock";
const LOST_BYTES: &str = "bytes that came before the close";

fn schedules() -> usize {
    env::var("ISOTONIC_SCHEDULES").map_or(2_000, |number| {
        number.parse().expect("ISOTONIC_SCHEDULES is a number")
    })
}

fn assert_each_found(faults: &[(Mutation, &str)], scenario: fn()) {
    for (fault, expected) in faults {
        assert_found(*fault, expected, || run(2_000, scenario));
    }
}

#[test]
fn bytes_arrive_as_they_were_written() {
    run(schedules(), || scenarios::publish_and_consume(12));
}

#[test]
fn faults_in_publishing_are_found() {
    let faults = [
        (PublishedBeforeWritten, WRONG_BYTES),
        (OneByteTooMany, IMPOSSIBLE_INDEX),
    ];
    assert_each_found(&faults, || scenarios::publish_and_consume(12));
}

#[test]
fn a_sleeping_reader_is_woken() {
    run(schedules(), || scenarios::sleeping_reader(12));
}

#[test]
fn faults_in_the_doorbell_for_data_are_found() {
    let faults = [(SecondLookLeftOut, LOST_WAKE_UP)];
    assert_each_found(&faults, || scenarios::sleeping_reader(12));
}

#[test]
fn a_sleeping_writer_is_woken() {
    run(schedules(), || scenarios::sleeping_writer(12));
}

#[test]
fn faults_in_the_doorbell_for_space_are_found() {
    let faults = [(SecondLookLeftOut, LOST_WAKE_UP)];
    assert_each_found(&faults, || scenarios::sleeping_writer(12));
}

#[test]
fn a_close_comes_after_the_last_byte() {
    run(schedules(), || scenarios::close_to_a_sleeping_reader(6));
}

#[test]
fn faults_in_closing_are_found() {
    let faults = [
        (ClosedBeforeWritten, LOST_BYTES),
        (EndedWithoutLooking, LOST_BYTES),
        (EndForgotten, LOST_WAKE_UP),
    ];
    assert_each_found(&faults, || scenarios::close_to_a_sleeping_reader(6));
}

#[test]
fn a_sleeping_writer_hears_that_its_reader_left() {
    run(schedules(), || {
        scenarios::reader_leaves_a_sleeping_writer(6)
    });
}

#[test]
fn faults_in_leaving_are_found() {
    let faults = [(EndForgotten, LOST_WAKE_UP)];
    assert_each_found(&faults, || scenarios::reader_leaves_a_sleeping_writer(6));
}

#[test]
fn both_tasks_of_a_side_are_woken() {
    run(schedules(), || scenarios::two_tasks_on_one_socket(6));
}

#[test]
fn faults_in_sharing_a_socket_are_found() {
    let faults = [
        (OneTaskWoken, LOST_WAKE_UP),
        (SecondLookLeftOut, LOST_WAKE_UP),
    ];
    assert_each_found(&faults, || scenarios::two_tasks_on_one_socket(6));
}
