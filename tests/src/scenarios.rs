//! One scenario, one test for each transport.

/// Makes a test of each scenario over each transport.
///
/// A scenario is an `async fn(Transport)` of the surrounding module. The tests are named
/// `memory::scenario`, `ws::scenario` and so on.
#[macro_export]
macro_rules! over_every_transport {
    ($($scenario:ident),+ $(,)?) => {
        $crate::over_transport!(memory Memory: $($scenario),+);
        $crate::over_transport!(ws WebSocket: $($scenario),+);
        $crate::over_transport!(wss SecureWebSocket: $($scenario),+);
        $crate::over_transport!(quic Quic: $($scenario),+);
        $crate::over_transport!(unix Unix: $($scenario),+);
    };
}

/// Makes a test of each scenario over one transport: a module's name, the [`Transport`]'s, and the
/// scenarios.
///
/// [`Transport`]: crate::Transport
#[macro_export]
macro_rules! over_transport {
    ($module:ident $transport:ident: $($scenario:ident),+ $(,)?) => {
        mod $module {
            $(
                #[tokio::test]
                async fn $scenario() {
                    super::$scenario($crate::Transport::$transport).await;
                }
            )+
        }
    };
}
