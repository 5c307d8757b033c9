[(line_comment) (block_comment)] @comment

(class_declaration name: (identifier) @name body: (_) @body) @definition.class
(interface_declaration name: (identifier) @name body: (_) @body) @definition.class
(annotation_type_declaration name: (identifier) @name body: (_) @body) @definition.class
(record_declaration name: (identifier) @name body: (_) @body) @definition.type
(enum_declaration name: (identifier) @name body: (_) @body) @definition.type

(method_declaration name: (identifier) @name) @definition.method
(method_declaration name: (identifier) @name body: (_) @body) @definition.method
(constructor_declaration name: (identifier) @name body: (_) @body) @definition.method
(compact_constructor_declaration name: (identifier) @name body: (_) @body) @definition.method
(method_declaration
  (modifiers [(marker_annotation name: (identifier) @_test) (annotation name: (identifier) @_test)])
  name: (identifier) @name
  body: (_) @body
  (#any-of? @_test "Test" "ParameterizedTest" "RepeatedTest" "TestFactory")) @definition.test
