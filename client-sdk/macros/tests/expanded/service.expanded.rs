/// Adds.
pub trait Sums: ::std::marker::Send + 'static {
    /// Adds two numbers.
    fn add(
        &self,
        one: i64,
        other: i64,
    ) -> impl ::std::future::Future<
        Output = ::std::result::Result<i64, Overflow>,
    > + ::std::marker::Send
    where
        Self: ::std::marker::Sized;
    fn clear(&mut self) -> impl ::std::future::Future<Output = ()> + ::std::marker::Send
    where
        Self: ::std::marker::Sized;
}
/// What can be called of a [`Sums`] elsewhere: a handle to one dereferences to this.
#[derive(Debug)]
pub struct SumsCalls(::client_sdk::interface::Remote);
#[doc(hidden)]
#[allow(non_camel_case_types, dead_code, deprecated, clippy::all, clippy::pedantic)]
const _: () = {
    #[allow(unused_imports)]
    use ::client_sdk::interface::CarriedByNone as _;
    const _: () = {
        ::client_sdk::interface::travels::<i64>();
        ::client_sdk::interface::travels::<Overflow>();
        ::client_sdk::interface::travels::<()>();
    };
    #[derive(
        ::client_sdk::interface::serde::Serialize,
        ::client_sdk::interface::serde::Deserialize,
    )]
    #[serde(crate = "::client_sdk::interface::serde")]
    struct Sums_add_arguments<A0, A1> {
        one: A0,
        other: A1,
    }
    #[derive(
        ::client_sdk::interface::serde::Serialize,
        ::client_sdk::interface::serde::Deserialize,
    )]
    #[serde(crate = "::client_sdk::interface::serde")]
    struct Sums_clear_arguments {}
    impl ::client_sdk::interface::Calls for SumsCalls {
        fn new(remote: ::client_sdk::interface::Remote) -> Self {
            Self(remote)
        }
        fn remote(&self) -> &::client_sdk::interface::Remote {
            &self.0
        }
    }
    impl SumsCalls {
        /// Adds two numbers.
        pub async fn add(
            &self,
            one: i64,
            other: i64,
        ) -> ::std::result::Result<i64, ::client_sdk::interface::CallError<Overflow>> {
            let all = Sums_add_arguments { one, other };
            let written = ::client_sdk::interface::Carried::<
                Sums_add_arguments<i64, i64>,
            >::write(
                &self.0,
                &<dyn Sums as ::client_sdk::interface::Interface>::DESCRIPTION
                    .methods[0usize],
                &all,
            );
            let answer = ::client_sdk::interface::Carried::<
                ::std::result::Result<i64, Overflow>,
            >::ask(
                &self.0,
                &<dyn Sums as ::client_sdk::interface::Interface>::DESCRIPTION
                    .methods[0usize],
                written,
            );
            ::client_sdk::interface::fallible(answer.await)
        }
        pub async fn clear(
            &self,
        ) -> ::std::result::Result<(), ::client_sdk::interface::CallError> {
            let all = Sums_clear_arguments {};
            let written = ::client_sdk::interface::Carried::<
                Sums_clear_arguments,
            >::write(
                &self.0,
                &<dyn Sums as ::client_sdk::interface::Interface>::DESCRIPTION
                    .methods[1usize],
                &all,
            );
            let answer = ::client_sdk::interface::Carried::<
                (),
            >::ask(
                &self.0,
                &<dyn Sums as ::client_sdk::interface::Interface>::DESCRIPTION
                    .methods[1usize],
                written,
            );
            answer.await
        }
    }
    impl ::client_sdk::interface::Interface for dyn Sums + '_ {
        type Calls = SumsCalls;
        const DESCRIPTION: &'static ::client_sdk::interface::Description = &::client_sdk::interface::Description {
            name: "Sums",
            methods: &[
                ::client_sdk::interface::Method {
                    name: "add",
                    signature: "add(one: i64, other: i64) -> Result<i64,Overflow>",
                    fingerprint: 1692973936u32,
                    answers: true,
                    timeout: ::std::option::Option::None,
                    expires_in: ::std::option::Option::None,
                    lane: ::client_sdk::interface::LaneRule::UNSAID,
                },
                ::client_sdk::interface::Method {
                    name: "clear",
                    signature: "clear()",
                    fingerprint: 4026468685u32,
                    answers: true,
                    timeout: ::std::option::Option::Some(2000u64),
                    expires_in: ::std::option::Option::None,
                    lane: ::client_sdk::interface::LaneRule::UNSAID,
                },
            ],
        };
    }
    impl ::client_sdk::interface::ServiceInterface for dyn Sums + '_ {}
    struct SumsHandler<SumsObject>(
        ::std::sync::Arc<::client_sdk::interface::Serialized<SumsObject>>,
    );
    impl<SumsObject: Sums> ::client_sdk::interface::Handler for SumsHandler<SumsObject> {
        fn handle(
            &self,
            call: ::client_sdk::interface::Incoming<'_>,
        ) -> ::client_sdk::interface::Handled {
            match call.method() {
                0usize => {
                    let Sums_add_arguments { one, other } = match ::client_sdk::interface::Carried::<
                        Sums_add_arguments<i64, i64>,
                    >::read(&call) {
                        ::std::result::Result::Ok(read) => read,
                        ::std::result::Result::Err(fault) => return fault.into(),
                    };
                    let object = ::std::sync::Arc::clone(&self.0);
                    ::client_sdk::interface::Carried::<
                        ::std::result::Result<i64, Overflow>,
                        Sums_add_arguments<i64, i64>,
                    >::answer(
                        call,
                        async move {
                            <SumsObject as Sums>::add(&*object.lock().await, one, other)
                                .await
                        },
                    )
                }
                1usize => {
                    let Sums_clear_arguments {} = match ::client_sdk::interface::Carried::<
                        Sums_clear_arguments,
                    >::read(&call) {
                        ::std::result::Result::Ok(read) => read,
                        ::std::result::Result::Err(fault) => return fault.into(),
                    };
                    let object = ::std::sync::Arc::clone(&self.0);
                    ::client_sdk::interface::Carried::<
                        (),
                        Sums_clear_arguments,
                    >::answer(
                        call,
                        async move {
                            <SumsObject as Sums>::clear(&mut *object.lock().await).await
                        },
                    )
                }
                _ => call.unknown(),
            }
        }
    }
    impl<
        SumsObject: Sums,
    > ::client_sdk::interface::HandledAs<
        SumsObject,
        ::client_sdk::interface::kind::Service,
    > for dyn Sums {
        fn handler(
            object: SumsObject,
        ) -> ::std::sync::Arc<dyn ::client_sdk::interface::Handler> {
            ::std::sync::Arc::new(
                SumsHandler(
                    ::std::sync::Arc::new(
                        ::client_sdk::interface::Serialized::new(object),
                    ),
                ),
            )
        }
    }
};
