[(comment) (multiline_comment)] @comment

(class_declaration name: (_) @name body: (class_body) @body) @definition.class
(class_declaration name: (_) @name body: (enum_class_body) @body) @definition.type
(protocol_declaration name: (_) @name body: (_) @body) @definition.class
(typealias_declaration . (modifiers)? . name: (type_identifier) @name) @definition.type

(function_declaration body: (_) @body) @definition.function
(function_declaration name: (simple_identifier) @name body: (_) @body) @definition.function
(protocol_function_declaration name: (simple_identifier) @name) @definition.method
(init_declaration body: (_) @body (#set! name "init")) @definition.method
(deinit_declaration body: (_) @body (#set! name "deinit")) @definition.method
(subscript_declaration (computed_property) @body (#set! name "subscript")) @definition.method
(property_declaration
  name: (pattern bound_identifier: (_) @name)
  computed_value: (_) @body) @definition.method
((function_declaration name: (simple_identifier) @name body: (_) @body) @definition.test
  (#match? @name "^test([A-Z0-9_]|$)"))

(source_file
  (property_declaration name: (pattern bound_identifier: (_) @name)) @definition.constant)
