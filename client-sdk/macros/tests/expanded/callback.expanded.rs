trait Guest: ::std::marker::Send + ::std::marker::Sync + 'static {
    /// Somebody types.
    fn typing(&self, who: String, on: bool);
    fn confirm(
        &self,
        question: String,
    ) -> impl ::std::future::Future<Output = bool> + ::std::marker::Send
    where
        Self: ::std::marker::Sized;
}
/// What can be called of a [`Guest`] elsewhere: a handle to one dereferences to this.
#[derive(Debug)]
struct GuestCalls(::client_sdk::interface::Remote);
/// What can be called of many [`Guest`]s at once: a `CallbackSet` dereferences to this.
#[derive(Debug)]
struct GuestBroadcast(::client_sdk::interface::Remote);
#[doc(hidden)]
#[allow(non_camel_case_types, dead_code, deprecated, clippy::all, clippy::pedantic)]
const _: () = {
    #[allow(unused_imports)]
    use ::client_sdk::interface::CarriedByNone as _;
    const _: () = {
        ::client_sdk::interface::travels::<String>();
        ::client_sdk::interface::travels::<bool>();
    };
    #[derive(
        ::client_sdk::interface::serde::Serialize,
        ::client_sdk::interface::serde::Deserialize,
    )]
    #[serde(crate = "::client_sdk::interface::serde")]
    struct Guest_typing_arguments<A0, A1> {
        who: A0,
        on: A1,
    }
    #[derive(
        ::client_sdk::interface::serde::Serialize,
        ::client_sdk::interface::serde::Deserialize,
    )]
    #[serde(crate = "::client_sdk::interface::serde")]
    struct Guest_confirm_arguments<A0> {
        question: A0,
    }
    impl ::client_sdk::interface::Calls for GuestCalls {
        fn new(remote: ::client_sdk::interface::Remote) -> Self {
            Self(remote)
        }
        fn remote(&self) -> &::client_sdk::interface::Remote {
            &self.0
        }
    }
    impl GuestCalls {
        /// Somebody types.
        fn typing(&self, who: String, on: bool) -> ::client_sdk::interface::Told {
            let key = ::std::option::Option::Some(::client_sdk::interface::key(&who));
            ::client_sdk::interface::Carried::<
                Guest_typing_arguments<String, bool>,
            >::tell(
                &self.0,
                &<dyn Guest as ::client_sdk::interface::Interface>::DESCRIPTION
                    .methods[0usize],
                key,
                Guest_typing_arguments { who, on },
            )
        }
        async fn confirm(
            &self,
            question: String,
        ) -> ::std::result::Result<bool, ::client_sdk::interface::CallError> {
            let all = Guest_confirm_arguments {
                question,
            };
            let written = ::client_sdk::interface::Carried::<
                Guest_confirm_arguments<String>,
            >::write(
                &self.0,
                &<dyn Guest as ::client_sdk::interface::Interface>::DESCRIPTION
                    .methods[1usize],
                &all,
            );
            let answer = ::client_sdk::interface::Carried::<
                bool,
            >::ask(
                &self.0,
                &<dyn Guest as ::client_sdk::interface::Interface>::DESCRIPTION
                    .methods[1usize],
                written,
            );
            answer.await
        }
    }
    impl ::client_sdk::interface::Calls for GuestBroadcast {
        fn new(remote: ::client_sdk::interface::Remote) -> Self {
            Self(remote)
        }
        fn remote(&self) -> &::client_sdk::interface::Remote {
            &self.0
        }
    }
    impl GuestBroadcast {
        /// Somebody types.
        fn typing(&self, who: String, on: bool) -> ::client_sdk::interface::Told {
            let key = ::std::option::Option::Some(::client_sdk::interface::key(&who));
            ::client_sdk::interface::Carried::<
                Guest_typing_arguments<String, bool>,
            >::tell(
                &self.0,
                &<dyn Guest as ::client_sdk::interface::Interface>::DESCRIPTION
                    .methods[0usize],
                key,
                Guest_typing_arguments { who, on },
            )
        }
        #[doc(hidden)]
        #[allow(unused_variables)]
        fn confirm(
            &self,
            question: String,
        ) -> ::client_sdk::interface::Eventually<'static, bool>
        where
            for<'many> &'many Self: ::client_sdk::interface::Asked,
        {
            ::std::unreachable!()
        }
    }
    impl ::client_sdk::interface::Interface for dyn Guest + '_ {
        type Calls = GuestCalls;
        const DESCRIPTION: &'static ::client_sdk::interface::Description = &::client_sdk::interface::Description {
            name: "Guest",
            methods: &[
                ::client_sdk::interface::Method {
                    name: "typing",
                    signature: "typing(who: String, on: bool)",
                    fingerprint: 889438507u32,
                    answers: false,
                    timeout: ::std::option::Option::None,
                    expires_in: ::std::option::Option::None,
                    lane: ::client_sdk::interface::LaneRule {
                        latest: ::std::option::Option::Some(1u32),
                        ..::client_sdk::interface::LaneRule::UNSAID
                    },
                },
                ::client_sdk::interface::Method {
                    name: "confirm",
                    signature: "confirm(question: String) -> bool",
                    fingerprint: 1292307302u32,
                    answers: true,
                    timeout: ::std::option::Option::None,
                    expires_in: ::std::option::Option::None,
                    lane: ::client_sdk::interface::LaneRule::UNSAID,
                },
            ],
        };
    }
    impl ::client_sdk::interface::CallbackInterface for dyn Guest + '_ {
        type Broadcast = GuestBroadcast;
    }
    struct GuestHandler<GuestObject>(::std::sync::Arc<GuestObject>);
    impl<GuestObject: Guest> ::client_sdk::interface::Handler
    for GuestHandler<GuestObject> {
        fn handle(
            &self,
            call: ::client_sdk::interface::Incoming<'_>,
        ) -> ::client_sdk::interface::Handled {
            match call.method() {
                0usize => {
                    let Guest_typing_arguments { who, on } = match ::client_sdk::interface::Carried::<
                        Guest_typing_arguments<String, bool>,
                    >::read(&call) {
                        ::std::result::Result::Ok(read) => read,
                        ::std::result::Result::Err(fault) => return fault.into(),
                    };
                    <GuestObject as Guest>::typing(&self.0, who, on);
                    ::client_sdk::interface::Handled::Done
                }
                1usize => {
                    let Guest_confirm_arguments { question } = match ::client_sdk::interface::Carried::<
                        Guest_confirm_arguments<String>,
                    >::read(&call) {
                        ::std::result::Result::Ok(read) => read,
                        ::std::result::Result::Err(fault) => return fault.into(),
                    };
                    let object = ::std::sync::Arc::clone(&self.0);
                    ::client_sdk::interface::Carried::<
                        bool,
                        Guest_confirm_arguments<String>,
                    >::answer(
                        call,
                        async move {
                            <GuestObject as Guest>::confirm(&*object, question).await
                        },
                    )
                }
                _ => call.unknown(),
            }
        }
    }
    impl<
        GuestObject: Guest,
    > ::client_sdk::interface::HandledAs<
        GuestObject,
        ::client_sdk::interface::kind::Callback,
    > for dyn Guest {
        fn handler(
            object: GuestObject,
        ) -> ::std::sync::Arc<dyn ::client_sdk::interface::Handler> {
            ::std::sync::Arc::new(GuestHandler(::std::sync::Arc::new(object)))
        }
    }
};
