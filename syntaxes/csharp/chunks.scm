(comment) @comment

(namespace_declaration name: (_) @name body: (_) @body) @definition.module
(class_declaration name: (identifier) @name body: (_) @body) @definition.class
(struct_declaration name: (identifier) @name body: (_) @body) @definition.class
(interface_declaration name: (identifier) @name body: (_) @body) @definition.class
(record_declaration name: (identifier) @name) @definition.type
(record_declaration name: (identifier) @name body: (_) @body) @definition.type
(enum_declaration name: (identifier) @name body: (_) @body) @definition.type
(delegate_declaration name: (identifier) @name) @definition.type

(method_declaration name: (identifier) @name) @definition.method
(method_declaration name: (identifier) @name body: (_) @body) @definition.method
(constructor_declaration name: (identifier) @name body: (_) @body) @definition.method
(destructor_declaration name: (identifier) @name) @definition.method
(operator_declaration (#set! name "operator")) @definition.method
(property_declaration name: (identifier) @name accessors: (accessor_list) @body) @definition.method
(property_declaration name: (identifier) @name value: (_) @body) @definition.method
(indexer_declaration accessors: (_) @body (#set! name "this")) @definition.method
(local_function_statement name: (identifier) @name body: (_) @body) @definition.function
(method_declaration
  (attribute_list (attribute name: (identifier) @_test))
  name: (identifier) @name
  body: (_) @body
  (#any-of? @_test "Fact" "Theory" "Test" "TestMethod" "TestCase" "FactLongRunning")) @definition.test
