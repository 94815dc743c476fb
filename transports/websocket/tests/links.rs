//! What links over WebSocket do, with and without TLS, beyond the conformance suite.

mod pair;

use pair::{BINCODE, JSON, Piece, Security, carry, fill, is_pending, pair};
use transport_api::{CloseCode, CloseReason, LinkError, Sent};
use transport_websocket::Config;

#[tokio::test]
async fn packets_of_all_sizes_arrive_whole_in_both_directions() {
    for security in Security::ALL {
        let (mut client, mut server) = pair(security, Config::default(), JSON).await;
        for bytes in [0, 1, 125, 126, 4083, 4096, 16_383, 16_384, 65_535, 65_536, 1 << 20] {
            let packet = "x".repeat(bytes);
            assert_eq!(
                carry(&mut client, &mut server, packet.as_bytes()).await,
                Piece::text(&packet)
            );
            assert_eq!(
                carry(&mut server, &mut client, packet.as_bytes()).await,
                Piece::text(&packet)
            );
        }
    }
}

#[tokio::test]
async fn a_packet_of_the_limit_arrives_and_a_longer_one_ends_the_link() {
    for security in Security::ALL {
        let config = Config { packet_bytes_max: 1000, ..Config::default() };
        let (mut client, mut server) = pair(security, config, BINCODE).await;
        assert_eq!(carry(&mut client, &mut server, &[0; 1000]).await, Piece::Data(vec![0; 1000]));
        client.send(&[0; 1001]).await.unwrap();
        let error = server.receive().await.unwrap_err();
        assert!(matches!(error, LinkError::TooLarge { bytes: 1001, limit: 1000 }), "{error}");
        let LinkError::Closed(reason) = client.receive().await.unwrap_err() else { panic!() };
        assert_eq!(reason.code, CloseCode::TooLarge);
        assert_eq!(reason.text(), "a message of 1001 bytes is over the limit of 1000");
    }
}

#[tokio::test]
async fn a_text_packet_that_is_not_text_ends_the_link_with_words() {
    for security in Security::ALL {
        let (mut client, mut server) = pair(security, Config::default(), JSON).await;
        client.send(b"\xFF").await.unwrap();
        let error = server.receive().await.unwrap_err();
        assert!(matches!(error, LinkError::Protocol { .. }), "{error}");
        let LinkError::Closed(reason) = client.receive().await.unwrap_err() else { panic!() };
        assert_eq!((reason.code, reason.text()), (CloseCode::Protocol, "text is not valid UTF-8"));
    }
}

#[tokio::test]
async fn a_ping_is_answered_with_its_mark_behind_the_data_before_it() {
    for security in Security::ALL {
        let (mut client, mut server) = pair(security, Config::default(), JSON).await;
        assert_eq!(server.try_send(b"before").unwrap(), Sent::Taken);
        assert_eq!(server.link.try_ping(u64::MAX - 1).unwrap(), Sent::Taken);
        assert_eq!(client.receive().await.unwrap(), Piece::text("before"));
        assert_eq!(client.receive().await.unwrap(), Piece::Alive);
        assert_eq!(server.receive().await.unwrap(), Piece::Pong(u64::MAX - 1));
    }
}

#[tokio::test]
async fn pings_that_arrive_together_are_all_answered_while_there_is_room() {
    for security in Security::ALL {
        let (mut client, mut server) = pair(security, Config::default(), JSON).await;
        for mark in 0..10 {
            assert_eq!(client.link.try_ping(mark).unwrap(), Sent::Taken);
        }
        assert_eq!(server.receive_many(10).await, vec![Piece::Alive; 10]);
        for mark in 0..10 {
            assert_eq!(client.receive().await.unwrap(), Piece::Pong(mark));
        }
    }
}

#[tokio::test]
async fn a_closed_link_tells_its_peer_why_after_all_that_was_taken() {
    for security in Security::ALL {
        let (mut client, mut server) = pair(security, Config::default(), BINCODE).await;
        let packet = vec![7; 100_000];
        let taken = fill(&mut server, &packet);
        assert!(server.link.unsent() > 0);
        server.link.close(CloseReason::new(CloseCode::Refused, "too slow"));
        assert!(matches!(server.try_send(b"late"), Err(LinkError::ClosedHere)));
        let receive_all = async {
            for _ in 0..taken {
                assert_eq!(client.receive().await.unwrap(), Piece::Data(packet.clone()));
            }
            client.receive().await.unwrap_err()
        };
        let ((), error) = tokio::join!(server.closed(), receive_all);
        let LinkError::Closed(reason) = error else { panic!("{error}") };
        assert_eq!((reason.code, reason.text()), (CloseCode::Refused, "too slow"));
    }
}

#[tokio::test]
async fn two_ends_that_are_both_blocked_can_close_at_once() {
    for security in Security::ALL {
        let (mut client, mut server) = pair(security, Config::default(), BINCODE).await;
        let packet = vec![7; 100_000];
        for end in [&mut client, &mut server] {
            fill(end, &packet);
            assert!(is_pending(end.writable()).await);
            end.link.close(CloseReason::new(CloseCode::GoingAway, ""));
        }
        tokio::join!(client.closed(), server.closed());
    }
}

#[tokio::test]
async fn pings_while_the_way_out_is_blocked_are_answered_once_it_is_free() {
    for security in Security::ALL {
        let (mut client, mut server) = pair(security, Config::default(), BINCODE).await;
        let packet = vec![7; 100_000];
        let taken = fill(&mut server, &packet);
        for mark in 0..3 {
            assert_eq!(client.link.try_ping(mark).unwrap(), Sent::Taken);
            assert_eq!(server.receive().await.unwrap(), Piece::Alive);
        }
        assert!(is_pending(server.writable()).await);
        let receive_all = async {
            for _ in 0..taken {
                assert_eq!(client.receive().await.unwrap(), Piece::Data(packet.clone()));
            }
            client.receive().await.unwrap()
        };
        let (writable, pong) = tokio::join!(server.writable(), receive_all);
        writable.unwrap();
        assert_eq!(pong, Piece::Pong(2), "the newest ping alone is owed an answer");
    }
}

#[tokio::test]
async fn what_a_stalled_link_keeps_is_one_packet_and_the_ciphers_limit() {
    for security in Security::ALL {
        let (_client, mut server) = pair(security, Config::default(), BINCODE).await;
        let packet = vec![7; 60_000];
        fill(&mut server, &packet);
        let limit = if security == Security::Tls { 70_000 } else { 0 };
        assert!(server.link.unsent() <= packet.len() + 10 + limit, "{}", server.link.unsent());
        assert_eq!(server.try_send(&packet).unwrap(), Sent::Refused);
        assert!(is_pending(server.writable()).await);
    }
}
