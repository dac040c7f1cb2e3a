//! Strings of a pattern.

/// Describes types that are strings of a pattern.
macro_rules! strings {
    ($($name:ty: $pattern:literal, $about:literal;)+) => { $(
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .pattern(Some($pattern))
                    .description(Some($about))
                    .into()
            }
        }
        impl utoipa::ToSchema for $name {}
    )+ };
}

pub(super) use strings;
