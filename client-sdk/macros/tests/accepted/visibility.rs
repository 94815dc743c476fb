//! Traits of every visibility, used from elsewhere, and by one end alone.

mod private {
    #[client_sdk::service]
    pub(super) trait Sums {
        async fn add(&self, one: i64, other: i64) -> i64;
    }

    #[client_sdk::callback]
    trait Unused {
        fn heard(&self, text: String);
        async fn asked(&self) -> bool;
    }
}

/// What others may use.
pub mod open {
    /// Words that are said.
    #[client_sdk::callback]
    pub trait Guest {
        /// Somebody has said something.
        fn said(&self, who: String, text: String);
        /// Somebody asks.
        async fn confirm(&self, question: String) -> bool;
    }

    mod inner {
        /// Seen from outside by another way.
        #[client_sdk::service]
        pub trait Chat {
            /// Comes in.
            async fn join(
                &self,
                guest: client_sdk::Callback<dyn super::Guest>,
            ) -> Result<(), String>;
        }

        #[client_sdk::service]
        pub(in crate::visibility::open) trait Near {
            async fn near(&self);
        }

        #[client_sdk::service]
        pub(crate) trait Known {
            async fn known(&self);
        }
    }

    pub use inner::Chat;
    pub(crate) use inner::Known;
    use inner::Near;

    struct Both;

    #[client_sdk::service]
    impl Near for Both {
        async fn near(&self) {}
    }

    #[client_sdk::service]
    impl Known for Both {
        async fn known(&self) {}
    }

    /// Serves both.
    pub async fn serve(client: &client_sdk::Client) {
        let _ = client.serve::<dyn Near, _>("near", Both).await;
        let _ = client.serve::<dyn Known, _>("known", Both).await;
    }
}

struct Abacus;

#[client_sdk::service]
impl private::Sums for Abacus {
    async fn add(&self, one: i64, other: i64) -> i64 {
        one + other
    }
}

struct Ear;

#[client_sdk::callback]
impl open::Guest for Ear {
    fn said(&self, _who: String, _text: String) {}
    async fn confirm(&self, _question: String) -> bool {
        true
    }
}

struct Room;

#[client_sdk::service]
impl open::Chat for Room {
    async fn join(&self, guest: client_sdk::Callback<dyn open::Guest>) -> Result<(), String> {
        guest.said("room".to_owned(), "welcome".to_owned());
        Ok(())
    }
}

async fn both_ends(client: &client_sdk::Client) {
    let _ = client.serve("sums", Abacus).await;
    let _ = client.serve("room", Room).await;
    let _ = client.offer(Ear).await;
    open::serve(client).await;
}

pub(super) fn check() {
    #[client_sdk::service]
    trait Local {
        async fn local(&self) -> u8;
    }

    struct Here;

    #[client_sdk::service]
    impl Local for Here {
        async fn local(&self) -> u8 {
            1
        }
    }

    async fn serve(client: &client_sdk::Client) {
        let _ = client.serve("here", Here).await;
    }
    let _ = (both_ends, serve);
}
