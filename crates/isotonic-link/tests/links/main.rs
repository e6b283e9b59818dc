//! Every behaviour over every link.
//!
//! To add a link: a function in `pairs.rs`, and its name in the last lines here. To add a behaviour: a
//! function that takes a [`Pair`](pairs::Pair), and its name in the list.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod both_ways;
mod counters;
mod ends;
mod fifo_turns;
mod large_rings;
mod pairs;
#[path = "../patience/mod.rs"]
mod patience;
mod random;
mod unread;
mod vectored;

/// Makes `mod $link` with a test for each behaviour: the one list of them.
macro_rules! every_behaviour_over {
    ($($link:ident),* $(,)?) => {
        $(
            behaviours_over! {
                $link:
                vectored::slices_arrive_in_order,
                vectored::many_and_empty_slices_arrive,
                ends::one_side_ends_and_the_other_goes_on,
                ends::a_dropped_link_is_an_end,
                ends::a_dropped_link_can_not_be_written_to,
                ends::what_was_written_before_a_drop_arrives,
                both_ways::many_megabytes_cross,
                both_ways::odd_pieces_cross,
                both_ways::short_turns,
                unread::one_side_writes_all_before_it_reads,
                unread::a_full_link_does_not_lose_its_end,
                unread::a_link_dropped_while_full_ends_with_nothing_wrong_in_it,
                counters::every_byte_is_counted_once,
            }
        )*
    };
}

macro_rules! behaviours_over {
    ($link:ident: $($module:ident::$behaviour:ident),* $(,)?) => {
        mod $link {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $behaviour() {
                    let pair = crate::pairs::$link().await;
                    crate::patience::within(stringify!($behaviour), crate::$module::$behaviour(pair)).await;
                }
            )*
        }
    };
}

every_behaviour_over!(
    tcp,
    uds,
    unix_abstract,
    fifo,
    pipe,
    shm,
    shm_when_busy,
    shm_with_small_rings
);
