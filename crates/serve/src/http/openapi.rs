//! The OpenAPI document, made from the types that requests are read into and answers are written from.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value, json};

use super::{Health, LanguageList, UsageAnswer, body};
use crate::answer::Answer;
use crate::problem::{Details, Kind};

/// The document, OpenAPI 3.1.
#[must_use]
pub fn document() -> Value {
    let mut schemas = SchemaSettings::draft2020_12()
        .with(|settings| settings.definitions_path = "/components/schemas".into())
        .into_generator();
    let execute = body_of::<body::Execute>(&mut schemas);
    let answer = schema::<Answer>(&mut schemas);
    let paths = json!({
        "/api/v1/execute": { "post": {
            "operationId": "execute",
            "summary": "Run a program",
            "description": "With `Accept: text/event-stream` the answer is a stream of server-sent events: `start` with the run's id, \
                `stdout` and `stderr` as output comes (`{\"text\": ...}`), and at the end one `result`, which is what is answered without \
                a stream, or one `problem`. Closing the connection ends the run.",
            "security": [{ "key": [] }],
            "requestBody": { "required": true, "content": { "application/json": { "schema": execute } } },
            "responses": responses(&json!({
                "200": { "description": "What came of the run, however it ended", "content": {
                    "application/json": { "schema": answer },
                    "text/event-stream": { "schema": { "type": "string" } },
                } },
            })),
        } },
        "/api/v1/languages": { "get": {
            "operationId": "languages",
            "summary": "The languages that can be run",
            "responses": responses(&ok("The languages", &body_of::<LanguageList>(&mut schemas))),
        } },
        "/api/v1/usage": { "get": {
            "operationId": "usage",
            "summary": "What the key's tenant has used today, and what it may",
            "security": [{ "key": [] }],
            "responses": responses(&ok("Usage and quotas", &body_of::<UsageAnswer>(&mut schemas))),
        } },
        "/api/v1/openapi.json": { "get": {
            "operationId": "openapi",
            "summary": "This document",
            "responses": responses(&ok("The document", &json!({ "type": "object" }))),
        } },
        "/healthz": { "get": {
            "operationId": "health",
            "summary": "Whether runs are taken",
            "responses": responses(&ok("Runs are taken", &body_of::<Health>(&mut schemas))),
        } },
        "/metrics": { "get": {
            "operationId": "metrics",
            "summary": "Metrics for Prometheus, with a key of the scope `metrics`",
            "security": [{ "key": [] }],
            "responses": responses(&json!({
                "200": { "description": "The text format", "content": { "text/plain": { "schema": { "type": "string" } } } },
            })),
        } },
        "/problems/{id}": { "get": {
            "operationId": "problem",
            "summary": "What a problem means, and what to do about it",
            "parameters": [{ "name": "id", "in": "path", "required": true,
                "schema": { "enum": Kind::ALL.iter().map(|kind| kind.id()).collect::<Vec<_>>() } }],
            "responses": responses(&json!({
                "200": { "description": "For people", "content": { "text/plain": { "schema": { "type": "string" } } } },
            })),
        } },
    });
    schemas.subschema_for::<Details<'static>>();
    let mut definitions = schemas.take_definitions(true);
    if let Some(Value::Object(details)) = definitions.get_mut("Details") {
        details.insert("title".to_owned(), json!("Problem"));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Gauntlet serve",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Runs programs in a hardened WebAssembly sandbox.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": definitions,
            "securitySchemes": { "key": { "type": "http", "scheme": "bearer",
                "description": "A key that the operator made. A server on loopback that has no keys asks for none." } },
            "responses": { "Problem": { "description": "A problem, as RFC 9457 has it", "content": {
                "application/problem+json": { "schema": { "$ref": "#/components/schemas/Details" } } } } },
        },
    })
}

fn schema<T: JsonSchema>(schemas: &mut SchemaGenerator) -> Value {
    schemas.subschema_for::<T>().to_value()
}

fn body_of<T: JsonSchema>(schemas: &mut SchemaGenerator) -> Value {
    schema::<T>(schemas)
}

fn ok(description: &str, schema: &Value) -> Value {
    json!({ "200": { "description": description, "content": { "application/json": { "schema": schema } } } })
}

/// The answers of a path, with that of every problem.
fn responses(of: &Value) -> Value {
    let mut all = of.clone();
    if let Value::Object(all) = &mut all {
        all.insert("default".to_owned(), json!({ "$ref": "#/components/responses/Problem" }));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_of_the_document_leads_somewhere() {
        fn walk(value: &Value, root: &Value) {
            match value {
                Value::Object(object) => {
                    if let Some(Value::String(to)) = object.get("$ref") {
                        let pointer = to.strip_prefix('#').unwrap();
                        assert!(root.pointer(pointer).is_some(), "{to}");
                    }
                    object.values().for_each(|value| walk(value, root));
                }
                Value::Array(values) => values.iter().for_each(|value| walk(value, root)),
                _ => {}
            }
        }
        let document = document();
        walk(&document, &document);
        assert!(document.pointer("/components/schemas/Execute/properties/code").is_some());
        assert!(document.pointer("/components/schemas/Answer/properties/ending").is_some());
    }
}
