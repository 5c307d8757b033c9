(comment) @comment

(call
  target: (identifier) @_keyword
  (arguments . (_) @name)
  (do_block) @body
  (#any-of? @_keyword "defmodule" "defprotocol" "defimpl")) @definition.module

; clauses of one function follow each other
(call
  target: (identifier) @_keyword
  (arguments
    . [
      (call target: (identifier) @name)
      (identifier) @name
      (binary_operator left: (call target: (identifier) @name))
      (binary_operator left: (identifier) @name)
    ])
  (#any-of? @_keyword "def" "defp" "defmacro" "defmacrop" "defguard" "defguardp" "defdelegate" "defn" "defnp")
  (#set! join "clauses")) @definition.function
(call
  target: (identifier) @_keyword
  (arguments
    . [
      (call target: (identifier) @name)
      (identifier) @name
      (binary_operator left: (call target: (identifier) @name))
      (binary_operator left: (identifier) @name)
    ])
  (do_block) @body
  (#any-of? @_keyword "def" "defp" "defmacro" "defmacrop" "defguard" "defguardp" "defdelegate" "defn" "defnp")
  (#set! join "clauses")) @definition.function

(unary_operator
  operand: (call
    target: (identifier) @_attribute
    (arguments (binary_operator left: [(call target: (identifier) @name) (identifier) @name])))
  (#any-of? @_attribute "type" "typep" "opaque")) @definition.type
(unary_operator
  operand: (call
    target: (identifier) @_attribute
    (arguments (binary_operator left: (call target: (identifier) @name))))
  (#any-of? @_attribute "callback" "macrocallback")) @definition.function

(call
  target: (identifier) @_keyword
  (arguments . (string (quoted_content) @name.text))
  (do_block) @body
  (#any-of? @_keyword "describe" "test" "property")) @definition.test

(unary_operator
  operand: (call
    target: (identifier) @_attribute
    (arguments [(string (quoted_content) @doc) (sigil (quoted_content) @doc)]))
  (#any-of? @_attribute "doc" "typedoc")) @attribute
(unary_operator
  operand: (call target: (identifier) @_attribute)
  (#any-of? @_attribute "spec" "impl" "doc" "typedoc" "deprecated" "since" "dialyzer" "tag" "decorate")) @attribute
(unary_operator
  operand: (call
    target: (identifier) @_attribute
    (arguments [(string (quoted_content) @doc) (sigil (quoted_content) @doc)]))
  (#eq? @_attribute "moduledoc"))
