[(line_comment) (block_comment)] @comment
(attribute_item) @attribute

(function_item name: (identifier) @name body: (block) @body) @definition.function
(function_signature_item name: (identifier) @name) @definition.function
(struct_item name: (type_identifier) @name) @definition.type
(struct_item name: (type_identifier) @name body: (_) @body) @definition.type
(enum_item name: (type_identifier) @name body: (_) @body) @definition.type
(union_item name: (type_identifier) @name body: (_) @body) @definition.type
(type_item name: (type_identifier) @name) @definition.type
(trait_item name: (type_identifier) @name body: (_) @body) @definition.class
(impl_item
  type: [
    (type_identifier) @name
    (generic_type type: (_) @name)
    (scoped_type_identifier name: (_) @name)
    (reference_type type: (_) @name)
    (primitive_type) @name
    (tuple_type) @name
  ]
  body: (_) @body) @definition.class
(mod_item name: (identifier) @name body: (_) @body) @definition.module
((attribute_item) @_attribute
  . (mod_item name: (identifier) @name body: (_) @body) @definition.test
  (#match? @_attribute "cfg\\(test\\)"))
(macro_definition name: (identifier) @name) @definition.function
(const_item name: (identifier) @name) @definition.constant
(static_item name: (identifier) @name) @definition.constant

((attribute_item (attribute [(identifier) @_test (scoped_identifier name: (identifier) @_test)]))
  . (attribute_item)*
  . (function_item name: (identifier) @name body: (block) @body) @definition.test
  (#any-of? @_test "test" "rstest" "proptest" "bench"))
