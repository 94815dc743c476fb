//! Transports that are broken on purpose: each must break the promise that it is meant to.

mod bent;

use bent::faults::{self, Faithful};
use bent::{BentFixture, Door, Fault};
use transport_conformance::{PROMISES, run_all};

/// Checks one promise and returns what was seen instead.
async fn broken<F: Fault>(door: Door, name: &str) -> String {
    let promise = PROMISES.iter().find(|promise| promise.name == name).expect("it is a promise");
    let verdict = (promise.check)(&BentFixture::<F>::new(door)).await;
    let broken = verdict.expect_err("the suite must notice");
    assert_eq!(broken.promise, name);
    broken.to_string()
}

/// One test for each fault: the promises that it breaks.
macro_rules! faults_break {
    ($($name:ident: $fault:ident => $($promise:ident),+;)+) => {$(
        #[tokio::test(start_paused = true)]
        async fn $name() {
            $(broken::<faults::$fault>(Door::Faithful, stringify!($promise)).await;)+
        }
    )+};
}

faults_break! {
    reordering: Reorders => packets_arrive_in_order, many_small_packets_arrive;
    duplicating: Duplicates => packets_arrive_in_order, text_packets_arrive_in_order;
    losing_one_packet: LosesOne => packets_arrive_in_order, both_directions_run_at_once;
    cutting_large_packets: CutsLargeOnes => large_packets_arrive;
    joining_packets: JoinsPackets => packets_arrive_in_order;
    buffering_without_bound: BuffersWithoutBound =>
        a_peer_that_does_not_read_blocks_the_link, a_client_that_does_not_read_blocks_the_link,
        all_channels_together_hold_little_of_a_frozen_peer;
    saying_taken_of_the_refused: SaysTakenOfTheRefused =>
        what_is_taken_arrives_and_what_is_refused_does_not;
    sending_the_refused: SendsTheRefused => what_is_taken_arrives_and_what_is_refused_does_not;
    spoiling_the_rest: SpoilsTheRest =>
        a_packet_taken_in_part_is_finished, polls_given_up_lose_nothing;
    never_being_writable: NeverWritable =>
        a_peer_that_does_not_read_blocks_the_link, a_packet_taken_in_part_is_finished,
        a_flood_of_datagrams_goes_on;
    never_waking_the_writer: NeverWakesTheWriter =>
        a_peer_that_does_not_read_blocks_the_link, a_packet_taken_in_part_is_finished;
    never_waking_the_reader: NeverWakesTheReader =>
        packets_arrive_in_order, abrupt_death_is_noticed_while_reading;
    being_busy_while_blocked: BusyWhileBlocked => a_frozen_peer_makes_the_link_wait;
    always_being_writable: AlwaysWritable => a_peer_that_does_not_read_blocks_the_link;
    never_having_sent_all: NeverAllSent => a_packet_taken_in_part_is_finished;
    ignoring_the_pause: IgnoresThePause => a_pausing_sink_loses_nothing;
    losing_behind_the_pause: LosesBehindThePause => a_pausing_sink_loses_nothing;
    swallowing_the_reason: SwallowsTheReason => close_reasons_arrive;
    closing_with_another_code: ClosesNormally => close_reasons_arrive;
    closing_too_soon: ClosesTooSoon => what_was_taken_before_the_close_arrives;
    taking_after_closing: TakesAfterClosing => a_closed_end_says_so;
    glossing_over_death: GlossesOverDeath =>
        abrupt_death_is_noticed_while_reading, a_cut_network_is_noticed;
    never_noticing_death: NeverNoticesDeath =>
        abrupt_death_is_noticed_while_reading, abrupt_death_is_noticed_while_writing,
        abrupt_death_is_noticed_while_blocked;
    mixing_lanes: MixesLanes => lanes_keep_their_number_and_order;
    blocking_all_lanes: BlocksAllLanes => a_lane_held_back_stops_no_other;
    cutting_datagrams: CutsDatagrams => datagrams_arrive_whole;
    forgetting_marks: ForgetsMarks => pongs_return_in_order_with_their_marks;
}

#[tokio::test(start_paused = true)]
async fn shaking_hands_before_accepting_lets_silent_strangers_hinder_others() {
    broken::<Faithful>(Door::ShakesHandsFirst, "slow_handshakes_hinder_nobody").await;
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_falls_shut_is_harmed_by_garbage() {
    broken::<Faithful>(Door::FallsShut, "garbage_handshakes_harm_nobody").await;
}

#[tokio::test(start_paused = true)]
async fn a_peer_in_the_hand_of_a_dropped_accept_is_lost() {
    broken::<Faithful>(Door::DropsPeers, "accept_given_up_loses_no_peer").await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_without_a_reason_and_no_refusal_at_all_are_noticed() {
    let refusal = "a_wrong_subprotocol_is_refused_with_a_reason";
    broken::<Faithful>(Door::Speechless, refusal).await;
    broken::<Faithful>(Door::Insistent, refusal).await;
    broken::<Faithful>(Door::Insistent, "the_first_common_subprotocol_is_agreed_on").await;
}

#[tokio::test(start_paused = true)]
async fn a_broken_promise_is_told_in_a_sentence() {
    let sentence = broken::<faults::Duplicates>(Door::Faithful, "packets_arrive_in_order").await;
    assert_eq!(
        sentence,
        "the promise \"packets arrive in order\" is broken: at the server in channel Control at \
         packet 100 of 500 came packet 99 once more"
    );
}

#[tokio::test(start_paused = true)]
async fn a_faithful_wrapper_keeps_every_promise() {
    run_all(&BentFixture::<Faithful>::new(Door::Faithful)).await;
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "the promise \"close reasons arrive\" is broken")]
async fn checking_all_promises_at_once_panics_with_what_is_broken() {
    run_all(&BentFixture::<faults::SwallowsTheReason>::new(Door::Faithful)).await;
}
