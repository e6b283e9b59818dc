//! Every scenario over every link.
//!
//! To add a link: a file in `links/` with `pub(crate) async fn start() -> Fixture<impl Reach>`, and its name in the last lines.

#![forbid(unsafe_code)]

mod links;

use conformance::{Bounded, Fixture, Reach, Subject};

/// Brings one link up and runs one scenario over it.
async fn run<T, S, F>(name: &'static str, start: impl Future<Output = Fixture<T>>, scenario: S)
where
    T: Reach,
    S: FnOnce(Subject<T>) -> F,
    F: Future<Output = ()>,
{
    let fixture = Bounded::start(name)
        .wait("the link to come up", start)
        .await;
    fixture.check(name, scenario).await;
}

/// Makes `mod $link` with a test for each scenario: the one list of them.
macro_rules! every_scenario_over {
    ($link:ident) => {
        scenarios_over! {
            $link:
            empty_unary,
            unary_small,
            cacheable_unary,
            unary_64_kib,
            unary_1_mib,
            client_streaming,
            wrong_payload_refused,
            server_streaming,
            server_streaming_slowly,
            ping_pong,
            empty_stream,
            half_close,
            half_close_after_first_response,
            large_unary,
            large_stream,
            too_large_response_refused,
            custom_metadata,
            duplicate_metadata,
            unary_metadata,
            error_metadata,
            status_code_and_message,
            special_status_message,
            every_status_code,
            status_after_responses,
            unimplemented_method,
            unimplemented_service,
            cancel_after_begin,
            cancel_before_first_response,
            cancel_after_first_response,
            cancel_server_stream,
            cancel_many_streams,
            deadline_expires,
            deadline_far_off,
            concurrent_unary,
            concurrent_streams,
            slow_reader,
        }
    };
}

macro_rules! scenarios_over {
    ($link:ident: $($scenario:ident),* $(,)?) => {
        mod $link {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $scenario() {
                    let start = crate::links::$link::start();
                    crate::run(stringify!($scenario), start, conformance::behaviour::$scenario).await;
                }
            )*
        }
    };
}

every_scenario_over!(stock_tcp);
every_scenario_over!(stock_uds);
every_scenario_over!(tcp);
every_scenario_over!(uds);
every_scenario_over!(pipe);
every_scenario_over!(fifo);
every_scenario_over!(shm);
every_scenario_over!(shm_when_busy);
