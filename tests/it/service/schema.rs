//! Holds answers against the document: a small reader of the schemas that it uses.

use serde_json::Value;

pub(crate) struct Document(pub(crate) Value);

impl Document {
    /// Panics where the answer is not as the document says of this call and status.
    #[track_caller]
    pub(crate) fn check(&self, path: &str, method: &str, status: u16, body: &Value) {
        let responses = &self.0["paths"][path][method]["responses"];
        let response = &responses[status.to_string()];
        let schema = &response["content"]["application/json"]["schema"];
        assert!(schema.is_object(), "{method} {path}: nothing is said of status {status}");
        if let Err(why) = self.fits(schema, body, "") {
            panic!("{method} {path}, {status}: {why}\n{body:#}");
        }
    }

    /// Panics where what a subscriber was sent is not as the document says of events.
    #[track_caller]
    pub(crate) fn check_event(&self, data: &Value) {
        let content = &self.0["paths"]["/v1/events"]["get"]["responses"]["200"]["content"];
        if let Err(why) = self.fits(&content["text/event-stream"]["schema"], data, "") {
            panic!("{why}\n{data:#}");
        }
    }

    fn fits(&self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        if let Some(reference) = schema["$ref"].as_str() {
            let pointer = reference.trim_start_matches('#');
            let schema = self.0.pointer(pointer).ok_or_else(|| format!("no {reference}"))?;
            return self.fits(schema, value, at);
        }
        if let Some(options) = schema["oneOf"].as_array() {
            let all: Vec<_> = options.iter().map(|own| self.fits(own, value, at)).collect();
            return match all.iter().any(Result::is_ok) {
                true => Ok(()),
                false => Err(format!("{at}: none of {all:?}")),
            };
        }
        if schema["allOf"].is_array() {
            let all = self.objects(schema)?;
            let all: Vec<_> = all.iter().map(|own| self.fits(own, value, at)).collect();
            return match all.iter().any(Result::is_ok) {
                true => Ok(()),
                false => Err(format!("{at}: none of {all:?}")),
            };
        }
        self.is_of_type(&schema["type"], value, at)?;
        if let Some(options) = schema["enum"].as_array()
            && !options.contains(value)
        {
            return Err(format!("{at}: {value} is none of {options:?}"));
        }
        if let (Some(pattern), Some(text)) = (schema["pattern"].as_str(), value.as_str())
            && !matches(pattern, text)
        {
            return Err(format!("{at}: {text:?} is not {pattern}"));
        }
        if let (Some(items), Some(values)) = (schema.get("items"), value.as_array()) {
            for (index, value) in values.iter().enumerate() {
                self.fits(items, value, &format!("{at}[{index}]"))?;
            }
        }
        if let (Some(properties), Some(fields)) =
            (schema["properties"].as_object(), value.as_object())
        {
            for (name, value) in fields {
                let schema =
                    properties.get(name).ok_or(format!("{at}.{name} is not documented"))?;
                self.fits(schema, value, &format!("{at}.{name}"))?;
            }
            for name in schema["required"].as_array().into_iter().flatten() {
                let name = name.as_str().unwrap();
                if !fields.contains_key(name) {
                    return Err(format!("{at}.{name} is missing"));
                }
            }
        }
        Ok(())
    }

    /// A schema as objects of which a value must fit one: what `allOf` puts together is one object, for
    /// each choice that `oneOf` leaves.
    fn objects(&self, schema: &Value) -> Result<Vec<Value>, String> {
        if let Some(reference) = schema["$ref"].as_str() {
            let pointer = reference.trim_start_matches('#');
            let schema = self.0.pointer(pointer).ok_or_else(|| format!("no {reference}"))?;
            return self.objects(schema);
        }
        if let Some(options) = schema["oneOf"].as_array() {
            let all: Vec<_> =
                options.iter().map(|own| self.objects(own)).collect::<Result<_, _>>()?;
            return Ok(all.into_iter().flatten().collect());
        }
        let Some(parts) = schema["allOf"].as_array() else {
            assert_eq!(schema["type"], "object", "only objects are put together: {schema}");
            return Ok(vec![schema.clone()]);
        };
        let mut all =
            vec![serde_json::json!({ "type": "object", "properties": {}, "required": [] })];
        for part in parts {
            let objects = self.objects(part)?;
            let with = |one: &Value| objects.iter().map(|own| merged(one, own)).collect::<Vec<_>>();
            all = all.iter().flat_map(with).collect();
        }
        Ok(all)
    }

    fn is_of_type(&self, kind: &Value, value: &Value, at: &str) -> Result<(), String> {
        let is = |kind: &str| match kind {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_u64() || value.is_i64(),
            "number" => value.is_number(),
            "null" => value.is_null(),
            other => panic!("a type that this does not know: {other}"),
        };
        let fits = match kind {
            Value::String(kind) => is(kind),
            Value::Array(kinds) => kinds.iter().any(|kind| is(kind.as_str().unwrap())),
            _ => return Err(format!("{at}: the document says nothing of it")),
        };
        if fits { Ok(()) } else { Err(format!("{at}: {value} is no {kind}")) }
    }
}

/// One object with the properties of both.
fn merged(one: &Value, other: &Value) -> Value {
    let mut both = one.clone();
    for (name, schema) in other["properties"].as_object().into_iter().flatten() {
        assert!(both["properties"].get(name).is_none(), "{name} is there twice");
        both["properties"][name] = schema.clone();
    }
    let required = other["required"].as_array().into_iter().flatten().cloned();
    both["required"].as_array_mut().unwrap().extend(required);
    both
}

/// The patterns that the document uses, and no others.
fn matches(pattern: &str, text: &str) -> bool {
    let hex = |digits: usize, lower: bool| {
        text.strip_prefix("0x").is_some_and(|rest| {
            rest.len() == digits
                && rest.chars().all(|c| c.is_ascii_hexdigit() && !(lower && c.is_ascii_uppercase()))
        })
    };
    let decimal = || {
        !text.is_empty()
            && text.chars().all(|c| c.is_ascii_digit())
            && (text == "0" || !text.starts_with('0'))
    };
    match pattern {
        "^0x[0-9a-f]{64}$" => hex(64, true),
        "^0x[0-9a-fA-F]{64}$" => hex(64, false),
        "^0x[0-9a-fA-F]{40}$" => hex(40, false),
        "^0x[0-9a-f]{130}$" => hex(130, true),
        "^0x[0-9a-fA-F]{130}$" => hex(130, false),
        "^(0|[1-9][0-9]*)$" => decimal(),
        "^[1-9][0-9]*$" => decimal() && text != "0",
        "^[a-z_]+$" => text.chars().all(|c| c.is_ascii_lowercase() || c == '_'),
        "^alive$" => text == "alive",
        other => panic!("a pattern that this does not know: {other}"),
    }
}
